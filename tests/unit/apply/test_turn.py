from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fleet.apply import run as runs
from fleet.apply.policies import GraphPolicy
from fleet.apply.turn import Turn
from fleet.kube.errors import Unreachable
from fleet.store.errors import DatabaseUnavailable
from tests.unit.apply.clusters import Cluster, tools
from tests.unit.apply.graphs import graph, node

if TYPE_CHECKING:
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
    assert cluster.done == ["looked for a", "recorded a", "applied a"]


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
