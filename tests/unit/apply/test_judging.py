from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from fleet.apply import run as runs
from fleet.apply.judging import Need, Sight, judge, now_s
from fleet.apply.ledger import Ledger
from fleet.apply.run import NodePhase
from fleet.errors import Terminal
from fleet.ids import NodeId
from fleet.kube import labels, managedfields
from fleet.watch.cache import ObjectCache
from tests.unit.apply.clusters import CONFIG_MAPS, entry
from tests.unit.apply.graphs import graph, live, node

if TYPE_CHECKING:
    from fleet.apply.inventory import Inventory
    from fleet.apply.run import Run
    from fleet.kube.objects import LiveObject
    from fleet.watch.informers import Informer

A = NodeId("a")
LABELLED: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{labels.GRAPH}": {}, f"f:{labels.NODE}": {}}}}
DATA: dict[str, Any] = {"f:data": {"f:key": {}}}
OURS: dict[str, Any] = {**LABELLED, **DATA}


class Seen:
    """An informer's view (fleet.watch.informers.Informer): what it shows, and whether it sees."""

    def __init__(self, *objects: LiveObject, seeing: bool = True) -> None:
        self.cache = ObjectCache()
        self.seeing = seeing
        for each in objects:
            self.cache.put(each)


def config_map(*, theirs: dict[str, Any] | None = None, ours: dict[str, Any] = OURS, **meta: object) -> LiveObject:
    fields = [{"manager": "pequod-fleet", "operation": "Apply", "fieldsV1": ours}]
    if theirs:
        fields.append({"manager": "editor", "operation": "Update", "fieldsV1": theirs})
    metadata = {
        "name": "a",
        "namespace": "ns",
        "uid": "o-1",
        "resourceVersion": "1",
        "managedFields": fields,
        **meta,
    }
    return live({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}})


def started(**rest: object) -> Run:
    return runs.start(graph(node("a", **rest)), before=None)


def empty() -> Ledger:
    """A ledger without SQL behind it; nothing is planned or forgotten here."""
    return Ledger(cast("Inventory", None))


def applied(run: Run) -> Ledger:
    """A ledger that knows the node as it was applied."""
    ledger = empty()
    ledger.applied(
        entry(
            uid="o-1",
            applied_hash=run.digests[A],
            managed=managedfields.digest(managedfields.applied_by(config_map(), "pequod-fleet")),
        )
    )
    return ledger


def judged(run: Run, ledger: Ledger, *objects: LiveObject, seeing: bool = True) -> tuple[Need, NodePhase, str]:
    informer = cast("Informer", Seen(*objects, seeing=seeing))
    sight = Sight(resource=CONFIG_MAPS, informer=informer)
    need = judge(run, run.nodes[A], sight, ledger)
    return need, run.states[A].phase, run.states[A].message


async def test_what_was_never_applied_or_differs_is_applied() -> None:
    run = started()

    assert judged(run, empty(), config_map())[0] is Need.APPLY
    ledger = applied(run)
    assert judged(run, ledger, config_map())[0] is Need.NOTHING
    known = ledger.entries(run.uid)[0]
    ledger.applied(replace(known, applied_hash="of another render"))
    assert judged(run, ledger, config_map())[0] is Need.APPLY
    ledger.applied(replace(known, uid="of what was there before"))
    assert judged(run, ledger, config_map())[0] is Need.APPLY


async def test_a_kind_that_cannot_be_watched_is_left_to_the_application_to_tell() -> None:
    run = started()
    assert judge(run, run.nodes[A], Sight(obstacle=Terminal("no such kind")), applied(run)) is Need.APPLY


async def test_what_cannot_be_seen_is_not_gone() -> None:
    run = started()

    assert judged(run, applied(run), seeing=False) == (
        Need.NOTHING,
        NodePhase.WAITING_READY,
        "the cluster cannot be seen at the moment",
    )
    look_again_at = run.states[A].look_again_at
    assert look_again_at is not None, "nobody tells that a stream has come back"
    assert look_again_at > now_s()
    assert judged(run, applied(run), seeing=True)[0] is Need.APPLY


async def test_what_somebody_deletes_is_waited_for() -> None:
    need, phase, _ = judged(started(), applied(started()), config_map(deletionTimestamp="2030-01-01T00:00:00Z"))

    assert (need, phase) == (Need.NOTHING, NodePhase.WAITING_READY)


@pytest.mark.parametrize(
    ("policy", "need", "reported"), [("Heal", Need.HEAL, 1), ("Report", Need.NOTHING, 1), ("Off", Need.NOTHING, 0)]
)
async def test_drift_is_healed_reported_or_let_be(policy: str, need: Need, reported: int) -> None:
    run = started(applyPolicy={"drift": policy})

    assert judged(run, applied(run), config_map(ours=LABELLED, theirs=DATA))[0] is need
    assert len(run.states[A].drift) == reported


async def test_a_label_by_which_an_object_is_known_drifts_as_a_field_of_the_node_does() -> None:
    run = started()

    assert judged(run, applied(run), config_map(ours=DATA, theirs=LABELLED))[0] is Need.HEAL
    assert [each.path for each in run.states[A].drift] == [
        f".metadata.labels.{labels.GRAPH}",
        f".metadata.labels.{labels.NODE}",
    ]


async def test_what_was_only_to_be_created_does_not_drift() -> None:
    run = started(applyPolicy={"mode": "Create"})

    assert judged(run, applied(run), config_map(ours=LABELLED, theirs=DATA))[:2] == (Need.NOTHING, NodePhase.READY)


async def test_nobody_is_fought() -> None:
    run = started()
    drifted = config_map(ours=LABELLED, theirs=DATA)
    for _ in range(3):
        assert judged(run, applied(run), drifted)[0] is Need.HEAL
        run.states[A].healing = run.states[A].healing.healed(now_s())

    need, phase, message = judged(run, applied(run), drifted)
    assert (need, phase) == (Need.NOTHING, NodePhase.READY)
    assert message == "changed again and again, so left for now: .data.key by editor"
    assert run.states[A].look_again_at is not None

    assert judged(run, applied(run), config_map())[:2] == (Need.NOTHING, NodePhase.READY)
    assert run.states[A].look_again_at is None, "it was made anew, say: there is nothing left to look for"


async def test_a_node_that_waits_too_long_is_an_error() -> None:
    false = {"type": "Expression", "expression": "self.data.key == 'other'", "timeoutSeconds": 5}
    run = started(readyWhen=[false])
    run.states[A].applied_at = datetime.now(UTC) - timedelta(seconds=4)
    assert judged(run, applied(run), config_map())[1] is NodePhase.WAITING_READY

    run.states[A].applied_at = datetime.now(UTC) - timedelta(seconds=6)
    _, phase, message = judged(run, applied(run), config_map())
    assert phase is NodePhase.ERROR
    assert message.startswith("not ready in 5 s: Expression")


async def test_an_adopted_node_is_called_so() -> None:
    run = started(applyPolicy={"mode": "Adopt"})

    assert judged(run, applied(run), config_map())[1] is NodePhase.ADOPTED
