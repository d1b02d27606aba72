from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fleet.apply import run as runs
from fleet.apply.drift import NEVER_HEALED
from fleet.apply.policies import GraphPolicy
from fleet.apply.run import NodePhase
from fleet.apply.turn import Turn, next_look_s
from fleet.ids import NodeId
from fleet.kube.errors import Invalid, Unreachable
from fleet.store.errors import DatabaseUnavailable
from tests.unit.apply.clusters import OURS, Cluster, tools
from tests.unit.apply.graphs import graph, live, node

if TYPE_CHECKING:
    from fleet.apply.run import Run
    from fleet.apply.turn import Tools
    from fleet.kube.objects import LiveObject


def turn(cluster: Cluster, shown: LiveObject | None = None) -> Turn:
    shown = shown or graph(node("a"), node("b", "a"))
    return Turn(runs.start(shown, before=None), shown, GraphPolicy(), tools(cluster))


async def test_nothing_is_applied_before_it_is_recorded() -> None:
    cluster = Cluster()
    running = asyncio.create_task(turn(cluster).execute())
    await asyncio.sleep(0.01)
    assert cluster.done == []

    cluster.recording.set()
    await running
    assert cluster.done == ["recorded a b", "made a", "made b"]


async def test_a_cluster_is_looked_at_while_what_may_exist_is_recorded() -> None:
    cluster = Cluster()
    adopting = turn(cluster, graph(node("a", applyPolicy={"adopt": "Always"})))
    running = asyncio.create_task(adopting.execute())
    await asyncio.sleep(0.01)
    assert cluster.done == ["looked for a"]

    cluster.recording.set()
    await running
    assert cluster.done == ["looked for a", "recorded a", "made a"]


async def test_what_somebody_else_made_is_looked_at_and_left_alone() -> None:
    cluster = Cluster()
    cluster.foreign, told = {"a"}, turn(cluster, graph(node("a")))
    cluster.recording.set()
    await told.execute()
    assert cluster.done == ["recorded a", "looked for a"]


async def test_what_cannot_be_recorded_is_not_applied_and_says_so_itself() -> None:
    cluster = Cluster()
    cluster.unrecordable = DatabaseUnavailable("no database")
    cluster.recording.set()

    with pytest.raises(DatabaseUnavailable, match="no database"):
        await turn(cluster).execute()
    assert cluster.done == []


async def test_a_cluster_that_cannot_be_seen_ends_the_turn_with_that() -> None:
    cluster = Cluster()
    cluster.unseen = Unreachable("nobody there")

    with pytest.raises(Unreachable, match="nobody there"):
        await turn(cluster).execute()
    assert cluster.done == []


async def applied_and_changed(cluster: Cluster) -> tuple[Run, Tools, LiveObject]:
    """A graph whose one object was applied, and lost a field to somebody since."""
    shown = graph(node("a"))
    run, of_cluster = runs.start(shown, before=None), tools(cluster)
    cluster.recording.set()
    await Turn(run, shown, GraphPolicy(), of_cluster).execute()
    (made,) = cluster.cache
    theirs = [{"manager": "editor", "operation": "Update", "fieldsV1": {"f:data": {"f:key": {}}}}]
    metadata = {**made.body["metadata"], "managedFields": theirs, "resourceVersion": "6"}
    cluster.cache.put(live({**made.body, "metadata": metadata}))
    run.dirty.add(NodeId("a"))
    return run, of_cluster, shown


async def test_healing_that_is_refused_is_an_error_and_does_not_count_as_healing() -> None:
    cluster = Cluster()
    run, of_cluster, shown = await applied_and_changed(cluster)
    state = run.states[NodeId("a")]
    cluster.refusal = Invalid("two ports without a name")
    for _ in range(4):
        run.dirty.add(NodeId("a"))
        state.retry_at = None
        await Turn(run, shown, GraphPolicy(), of_cluster).execute()
    assert (state.phase, state.message) == (NodePhase.ERROR, "two ports without a name")
    assert state.healing == NEVER_HEALED

    cluster.refusal, state.retry_at = None, None
    run.dirty.add(NodeId("a"))
    await Turn(run, shown, GraphPolicy(), of_cluster).execute()
    assert state.healing.count == 1


async def test_what_needs_nothing_any_more_is_not_tried_again() -> None:
    cluster = Cluster()
    run, of_cluster, shown = await applied_and_changed(cluster)
    state = run.states[NodeId("a")]
    (changed,) = cluster.cache
    cluster.refusal = Invalid("no")
    await Turn(run, shown, GraphPolicy(), of_cluster).execute()
    assert next_look_s(run) is not None

    metadata = {**changed.body["metadata"], "managedFields": OURS, "resourceVersion": "7"}
    cluster.cache.put(live({**changed.body, "metadata": metadata}))
    run.dirty.add(NodeId("a"))
    await Turn(run, shown, GraphPolicy(), of_cluster).execute()
    assert (state.phase, state.last_error, next_look_s(run)) == (NodePhase.READY, "", None)
