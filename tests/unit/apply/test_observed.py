from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from fleet.apply.ledger import Ledger
from fleet.apply.observed import Observed
from fleet.ids import NodeId
from fleet.kube import labels
from tests.unit.apply.clusters import Cluster, entry
from tests.unit.apply.graphs import graph, live, node

if TYPE_CHECKING:
    from fleet.apply.children import Children
    from fleet.apply.inventory import Entry, Inventory

A = NodeId("a")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def recorded(name: str, *, applied_at: datetime | None = NOON) -> Entry:
    """An entry of the node a, for an object of any name."""
    return entry(name=name, applied_at=applied_at)


def observed(*entries: Entry, living: tuple[str, ...]) -> Observed:
    cluster = Cluster()
    for name in living:
        metadata = {"name": name, "namespace": "ns", "labels": {labels.GRAPH: "g-1"}, "resourceVersion": "1"}
        cluster.cache.put(live({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
    ledger = Ledger(cast("Inventory", None))
    for each in entries:
        ledger.applied(each)
    return Observed(cast("Children", cluster), ledger)


async def test_a_node_with_another_object_than_before_is_observed_by_that() -> None:
    shown = graph(node("a"))
    for entries in ((recorded("a"), recorded("old")), (recorded("old"), recorded("a"))):
        both = await observed(*entries, living=("a", "old")).of(shown)
        assert both[A].meta.name == "a"
        not_yet = await observed(*entries, living=("old",)).of(shown)
        assert not_yet[A].meta.name == "old", "until the new one lives"


async def test_a_node_that_waits_is_observed_by_what_it_was_last() -> None:
    later, planned = NOON + timedelta(hours=1), recorded("planned", applied_at=None)
    seen = observed(recorded("b", applied_at=later), recorded("a"), planned, living=("a", "b", "planned"))

    assert (await seen.of(graph()))[A].meta.name == "b"
