"""A cluster that is not well: how much is asked of it, and that nobody else notices.

The proxy in front of its API server makes it so, and counts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import config_map, node
from tests.harness.proxy import most_at_once
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Guarded
    from tests.harness.graphs import Bench
    from tests.harness.proxy import Exchange

OF_A_GRAPH, OF_A_CLUSTER = 32, 64
"""What docs/graphs.md says is asked at once, at most."""
BURST, A_SECOND = 50, 10
"""And how often what fails may be tried again on one cluster."""
MEASURED_S = 10

IMPATIENT = {"initialDelaySeconds": 0.01, "maxDelaySeconds": 0.02, "maxAttempts": 1000}


def fan_out(bench: Bench, name: str, *, nodes: int) -> None:
    """A Bundle of so many ConfigMaps, which wait for nothing and are tried again as soon as a node can ask for."""
    maps = [config_map(f"{name}-{number}") for number in range(nodes)]
    bench.bundle(name, *(node(each["metadata"]["name"], each, retryPolicy=IMPATIENT) for each in maps))


def seconds_to_ready(bench: Bench, name: str) -> float:
    """How long an instance takes from being applied to being Ready."""
    begun = time.monotonic()
    fan_out(bench, name, nodes=2)
    bench.until_ready(name)
    return time.monotonic() - begun


@pytest.mark.parametrize(("resource", "instances", "nodes"), [("configmaps", 4, 40), ("resourcegraphs", 80, 1)])
def test_a_cluster_that_is_not_well_is_not_hammered(
    guarded: Guarded, resource: str, instances: int, nodes: int
) -> None:
    sick, proxy = guarded.sick, guarded.proxy
    usual_s = seconds_to_ready(guarded.well, "before")

    def is_refused(exchange: Exchange) -> bool:
        return exchange.method == "PATCH" and f"/namespaces/{sick.namespace}/{resource}/" in exchange.path

    proxy.refuse(is_refused, status=503, times=float("inf"))
    names = [f"web-{number}" for number in range(instances)]
    for name in names:
        fan_out(sick, name, nodes=nodes)
    until(lambda: {each.path for each in proxy.saw(is_refused)}, lambda seen: len(seen) == instances * nodes)
    meanwhile_s = seconds_to_ready(guarded.well, "meanwhile")

    begun = proxy.saw(is_refused)[0].asked_at
    until(lambda: time.monotonic() - begun >= MEASURED_S)
    tries = len(proxy.saw(is_refused)) - instances * nodes
    assert tries > 0
    assert tries <= BURST + A_SECOND * (time.monotonic() - begun)
    assert meanwhile_s < usual_s + 2, "the other cluster does not notice"

    proxy.be_well()
    for name in names:
        sick.until_ready(name, deadline_s=60)


def test_a_graph_asks_for_so_much_at_once_and_no_more(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy

    def is_node(exchange: Exchange) -> bool:
        return exchange.method == "PATCH" and f"/namespaces/{bench.namespace}/configmaps/" in exchange.path

    proxy.slow_down(is_node, delay_s=0.3)
    fan_out(bench, "web", nodes=60)
    bench.until_ready("web")
    applied = proxy.saw(is_node)
    assert len(applied) == 60
    assert most_at_once(applied) == OF_A_GRAPH


def test_all_graphs_of_a_cluster_ask_for_so_much_at_once_and_no_more(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy
    begun = time.monotonic()
    proxy.slow_down(lambda seen: seen.method == "PATCH" and "/configmaps/" in seen.path, delay_s=0.5)
    names = [f"web-{number}" for number in range(4)]
    for name in names:
        fan_out(bench, name, nodes=40)
    for name in names:
        bench.until_ready(name)
    asked = proxy.saw(lambda seen: seen.asked_at > begun and not seen.is_watch)
    assert most_at_once(asked) == OF_A_CLUSTER


def test_a_cluster_that_comes_back_is_not_kept_waiting(guarded: Guarded) -> None:
    bench, proxy = guarded.sick, guarded.proxy

    def reachable() -> bool:
        return 'fleet_cluster_reachable{cluster="sick"} 1.0' in bench.hub.ask("/metrics")[1]

    proxy.refuse(lambda seen: seen.path.endswith("/configmaps/one"), status=503, times=float("inf"))
    far_off = {"initialDelaySeconds": 300, "maxDelaySeconds": 300}
    bench.bundle("web", node("one", config_map("one"), retryPolicy=far_off))
    until(lambda: proxy.saw(lambda seen: seen.path.endswith(f"/{bench.namespace}/configmaps/one")))
    proxy.refuse(lambda seen: seen.path == "/version", status=503, times=float("inf"))
    until(lambda: not reachable())

    proxy.be_well()
    until(reachable)
    bench.until_ready("web")
