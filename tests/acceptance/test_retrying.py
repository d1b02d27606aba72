"""What is tried again, and when: refusals, lost races, lost streams and webhooks of a real API server.

Where a real API server cannot be made to say something at will, a proxy in front of it says it.
"""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import PLATFORM, config_map, node
from tests.harness.waiting import until
from tests.harness.webhook import TIMEOUT_S, Mood, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.conftest import Guarded
    from tests.harness.clusters import ControlPlanes
    from tests.harness.graphs import Bench
    from tests.harness.proxy import Exchange, Which

IMPATIENT = {"initialDelaySeconds": 0.01, "maxDelaySeconds": 0.02}
FLOWS = "flowcontrol.apiserver.k8s.io/v1"


def asks(method: str, bench: Bench, resource: str, name: str = "") -> Which:
    """Requests about one object of the test's namespace, or about any of its kind."""
    root = f"/namespaces/{bench.namespace}/{resource}/{name}"

    def which(exchange: Exchange) -> bool:
        if exchange.method != method:
            return False
        return exchange.path.endswith(root) if name else root in exchange.path

    return which


def waits(exchanges: list[Exchange]) -> list[float]:
    """The seconds between each answer and the next request."""
    return [after.asked_at - before.answered_at for before, after in itertools.pairwise(exchanges)]


# --- whose -----------------------------------------------------------------------------------------------------


def test_what_others_make_while_a_node_is_tried_again_is_left_alone(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    applied = asks("PATCH", bench, "configmaps", "one")
    proxy.refuse(applied, status=500)
    held = proxy.hold(lambda exchange: applied(exchange) and len(proxy.saw(applied)) > 1)
    bench.bundle("web", node("one", config_map("one", ours="yes"), retryPolicy=IMPATIENT))
    until(lambda: held.count)
    made = bench.view.apply(config_map("one", namespace=bench.namespace, theirs="yes"))
    held.let_go()
    bench.until_blocked("web", "ConfigMap one", "exists already and was not made by this graph")
    assert bench.find("ConfigMap", "one") == made


def test_what_others_make_in_place_of_what_was_looked_at_is_left_alone(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    applied = asks("PATCH", bench, "configmaps", "one")
    bench.bundle("web", node("one", config_map("one", ours="first"), retryPolicy=IMPATIENT))
    bench.until_ready("web")
    held = proxy.hold(applied)
    bench.bundle("web", node("one", config_map("one", ours="second"), retryPolicy=IMPATIENT))
    until(lambda: held.count)
    bench.view.delete("v1", "ConfigMap", "one", namespace=bench.namespace)
    made = bench.view.apply(config_map("one", namespace=bench.namespace, theirs="yes"))
    held.let_go()
    bench.until_blocked("web", "ConfigMap one", "exists already and was not made by this graph")
    assert bench.find("ConfigMap", "one") == made


# --- when ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_patience_gets_it(guarded: Guarded, status: int) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    applied = asks("PATCH", bench, "configmaps", "one")
    proxy.refuse(applied, status=status, retry_after=2)
    bench.bundle("web", node("one", config_map("one"), retryPolicy=IMPATIENT))
    bench.until_ready("web")
    (waited,) = waits(proxy.saw(applied))
    assert 2 <= waited < 4, "Retry-After, and not the node's own impatience"


def test_the_graph_itself_waits_as_long_as_it_is_asked_to(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    applied = asks("PATCH", bench, "resourcegraphs", "bundle-web")
    proxy.refuse(applied, status=429, retry_after=2)
    bench.bundle("web", node("one", config_map("one")))
    bench.until_ready("web")
    (waited,) = waits(proxy.saw(applied))
    assert 2 <= waited < 4


def test_what_keeps_a_graph_from_being_made_is_said_on_the_instance(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    proxy.refuse(asks("PATCH", bench, "resourcegraphs", "bundle-web"), status=500, times=float("inf"))
    bench.bundle("web", node("one", config_map("one")))
    bench.until_blocked("web", "apply ResourceGraph", "bundle-web")
    proxy.be_well()
    assert "blockedBy" not in bench.until_ready("web")


@pytest.fixture
def webhook(guarded: Guarded, tmp_path: Path) -> Iterator[Webhook]:
    """A webhook that the sick cluster's API server asks about the namespace's ConfigMaps."""
    view, name = guarded.sick.view, f"hook-{guarded.sick.namespace}"
    with Webhook(tmp_path) as started:
        view.apply(started.configuration(name, namespace=guarded.sick.namespace))
        probe = config_map("probe", namespace=guarded.sick.namespace)
        until(lambda: started.asked or not view.apply(probe))
        yield started
        view.delete("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name)


@pytest.fixture
def narrow(guarded: Guarded) -> Iterator[Bench]:
    """The sick bench, whose API server has few seats for accounts that write ConfigMaps of the namespace."""
    view, namespace = guarded.sick.view, guarded.sick.namespace
    flow = {"apiVersion": FLOWS, "metadata": {"name": namespace}}
    level = {"nominalConcurrencyShares": 1, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"}}
    view.apply({**flow, "kind": "PriorityLevelConfiguration", "spec": {"type": "Limited", "limited": level}})
    subject = {"kind": "Group", "group": {"name": "system:serviceaccounts"}}
    meant = {"verbs": ["patch"], "apiGroups": [""], "resources": ["configmaps"], "namespaces": [namespace]}
    spec = {
        "matchingPrecedence": 2,
        "priorityLevelConfiguration": {"name": namespace},
        "rules": [{"subjects": [subject], "resourceRules": [meant]}],
    }
    view.apply({**flow, "kind": "FlowSchema", "spec": spec})
    until(
        lambda: (view.get(FLOWS, "FlowSchema", namespace) or {}).get("status", {}).get("conditions"),
        lambda conditions: [(each["type"], each["status"]) for each in conditions] == [("Dangling", "False")],
    )
    yield guarded.sick
    for kind in ("FlowSchema", "PriorityLevelConfiguration"):
        view.delete(FLOWS, kind, namespace)


def test_the_flow_control_of_an_api_server_is_obeyed(guarded: Guarded, narrow: Bench, webhook: Webhook) -> None:
    webhook.mood = Mood.DAWDLES
    names = [f"n{number}" for number in range(16)]
    nodes = [node(name, config_map(name), retryPolicy={**IMPATIENT, "maxAttempts": 100}) for name in names]
    narrow.bundle("web", *nodes)
    narrow.until_ready("web", deadline_s=60)
    refused = 0
    for name in names:
        exchanges = guarded.proxy.saw(asks("PATCH", narrow, "configmaps", name))
        assert [each.status for each in exchanges] == [429] * (len(exchanges) - 1) + [201]
        for exchange, waited in zip(exchanges, waits(exchanges), strict=False):
            assert exchange.retry_after, "the API server says how long to wait"
            assert waited >= exchange.retry_after
            refused += 1
    assert refused >= len(names) / 2, "there were more requests than seats"


def test_nodes_that_were_refused_together_do_not_come_back_together(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    names = [f"n{number}" for number in range(30)]
    proxy.refuse(asks("PATCH", bench, "configmaps"), status=503, retry_after=1, times=len(names))
    bench.bundle("web", *(node(name, config_map(name), retryPolicy=IMPATIENT) for name in names))
    bench.until_ready("web")
    waited = [wait for name in names for wait in waits(proxy.saw(asks("PATCH", bench, "configmaps", name)))]
    assert len(waited) == len(names)
    first, *_, last = statistics.quantiles(waited, n=10)
    assert last - first > 0.1, waited


# --- what ------------------------------------------------------------------------------------------------------


def test_an_api_server_that_fails_is_asked_again(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    for status in (500, 502, 503, 504):
        proxy.refuse(asks("PATCH", bench, "configmaps", f"n{status}"), status=status, times=2)
    nodes = [node(f"n{status}", config_map(f"n{status}")) for status in (500, 502, 503, 504)]
    bench.bundle("web", *nodes)
    bench.until_ready("web", deadline_s=10)
    for each in nodes:
        answers = [seen.status for seen in proxy.saw(asks("PATCH", bench, "configmaps", each["id"]))]
        assert answers == [int(each["id"][1:])] * 2 + [201]
    assert bench.writes("apply", "web").count("n500") == 3, "each try is in the audit log"


def test_a_conflict_is_read_again_and_decided_anew(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    bench.bundle("web", node("one", config_map("one")))
    bench.until_ready("web")
    let_go = proxy.hold(asks("PATCH", bench, "resourcegraphs", "bundle-web"))  # the finalizer's end
    bench.delete("web")
    until(lambda: let_go.count)
    metadata = {"name": "bundle-web", "namespace": bench.namespace, "annotations": {"example.com/race": "won"}}
    bench.view.merge({"apiVersion": PLATFORM, "kind": "ResourceGraph", "metadata": metadata})
    let_go.let_go()
    bench.until_gone("web")
    answers = [seen.status for seen in proxy.saw(asks("PATCH", bench, "resourcegraphs", "bundle-web"))]
    assert 409 in answers
    assert answers[-1] == 200


def test_a_namesake_that_came_meanwhile_is_not_deleted(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    bench.bundle("web", node("one", config_map("one", made="by the graph")))
    bench.until_ready("web")
    deleted = asks("DELETE", bench, "configmaps", "one")
    held = proxy.hold(deleted)
    bench.delete("web")
    until(lambda: held.count)
    bench.view.delete("v1", "ConfigMap", "one", namespace=bench.namespace)
    theirs = config_map("one", namespace=bench.namespace, made="by somebody else")
    bench.view.apply(theirs)
    held.let_go()
    bench.until_gone("web")
    assert [seen.status for seen in proxy.saw(deleted)] == [409]
    assert bench.data("one") == {"made": "by somebody else"}


def test_a_stream_that_is_too_old_is_listed_again(guarded: Guarded, control_planes: ControlPlanes) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    control_planes.spoke_1.stop()
    control_planes.spoke_1.start()  # from now on it does not remember what was at the beginning
    bench.bundle("web", node("one", config_map("one", key="wanted")))
    bench.until_ready("web")

    def config_maps(exchange: Exchange) -> bool:
        return exchange.path == "/api/v1/configmaps"

    before = len(proxy.saw(config_maps))
    proxy.change_query(lambda seen: config_maps(seen) and seen.is_watch, times=2, resourceVersion="1")
    proxy.cut_streams()
    bench.view.merge(config_map("one", namespace=bench.namespace, key="edited"))
    until(lambda: bench.data("one") == {"key": "wanted"})
    until(lambda: [_name(each) for each in proxy.saw(config_maps)[before:]][:5], lambda seen: len(seen) == 5)
    asked = [_name(each) for each in proxy.saw(config_maps)[before:]]
    assert asked[:5] == ["watch from 1", "list", "watch from 1", "list", "watch"]


def _name(exchange: Exchange) -> str:
    if not exchange.is_watch:
        return "list"
    return "watch from 1" if exchange.query["resourceVersion"] == "1" else "watch"


# --- webhooks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mood", "told"),
    [
        (Mood.HANGS, "failed calling webhook"),
        (Mood.FAILS, "failed calling webhook"),
        (Mood.DENIES, "the webhook does not like it"),
    ],
)
def test_a_webhook_that_is_in_the_way_is_told_and_tried_again(
    guarded: Guarded, webhook: Webhook, mood: Mood, told: str
) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    webhook.mood = mood
    bench.bundle(
        "web",
        node("one", config_map("one"), retryPolicy={"maxDelaySeconds": 1}),
        node("other", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other"}}),
    )
    bench.until_blocked("web", "node one", told)
    until(lambda: bench.node("web", "other").get("phase") == "Ready")
    applied = asks("PATCH", bench, "configmaps", "one")
    first = proxy.saw(applied)[0]
    assert first.status == (403 if mood is Mood.DENIES else 500)
    if mood is Mood.HANGS:
        assert first.answered_at - first.asked_at >= TIMEOUT_S

    webhook.mood = Mood.ALLOWS
    bench.until_ready("web")
