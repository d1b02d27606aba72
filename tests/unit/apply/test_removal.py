from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from fleet.apply import removal
from fleet.graph.model import DeletionPolicy
from fleet.ids import ClusterName, NodeId
from fleet.kube.errors import NotFound
from fleet.kube.resources import ResourceType
from fleet.kube.writes import Cause
from tests.unit.apply import clusters
from tests.unit.apply.graphs import live

if TYPE_CHECKING:
    from fleet.apply.children import Children
    from fleet.apply.inventory import Entry
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject

GRAPH = "platform.pequod.io/graph"
CAUSE = Cause(reason="test")


class Cluster:
    """A cluster with one object, or none: what there is to find, and what was asked of it."""

    name = ClusterName("here")

    def __init__(self, there: LiveObject | None) -> None:
        self.there = there
        self.asked: list[tuple[str, Any]] = []

    async def find(self, *_: object) -> LiveObject | None:
        return self.there

    async def delete(self, *_: object, uid: str, propagation: str, **__: object) -> bool:
        self.asked.append((propagation, uid))
        return propagation == "Background"

    async def merge_patch(self, _: object, __: object, patch: dict[str, Any], **___: object) -> None:
        self.asked.append(("patch", patch["metadata"]["labels"]))


def entry(group: str = "", kind: str = "ConfigMap", *needs: str, policy: str = "Delete") -> Entry:
    return clusters.entry(
        resource=ResourceType(group=group, version="v1", kind=kind, plural=f"{kind.lower()}s"),
        depends_on=tuple(NodeId(each) for each in needs),
        deletion_policy=DeletionPolicy(policy),
    )


def there(graph: str | None = "g-1", **meta: object) -> LiveObject:
    labels = {GRAPH: graph} if graph else {}
    metadata = {"name": "a", "namespace": "ns", "uid": "o-1", "labels": labels, **meta}
    return live({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


async def removed(cluster: Cluster, of: Entry) -> removal.Removal:
    return await removal.remove(
        of, client=cast("ClusterClient", cluster), children=cast("Children", cluster), cause=CAUSE
    )


async def test_the_very_object_that_was_looked_at_is_deleted() -> None:
    cluster = Cluster(there())

    assert (await removed(cluster, entry())).gone
    assert cluster.asked == [("Background", "o-1")]


@pytest.mark.parametrize("owner", [None, "another graph"])
async def test_what_does_not_carry_the_graphs_label_is_left_alone(owner: str | None) -> None:
    cluster = Cluster(there(owner))

    assert (await removed(cluster, entry())).gone
    assert cluster.asked == []


async def test_an_orphan_loses_its_labels_and_stays() -> None:
    cluster = Cluster(there())

    assert (await removed(cluster, entry(policy="Orphan"))).gone
    assert cluster.asked == [("patch", {GRAPH: None, "platform.pequod.io/node": None})]


@pytest.mark.parametrize(
    ("of", "propagation"),
    [
        (entry("apps", "Deployment", "settings"), "Foreground"),
        (entry("batch", "Job", "settings"), "Foreground"),
        (entry("apps", "Deployment"), "Background"),
        (entry("", "ConfigMap", "settings"), "Background"),
        (entry("example.com", "Deployment", "settings"), "Background"),
    ],
)
async def test_pods_go_before_what_their_workload_depends_on(of: Entry, propagation: str) -> None:
    cluster = Cluster(there())
    outcome = await removed(cluster, of)

    assert [asked for asked, _ in cluster.asked] == [propagation]
    assert outcome.gone == (propagation == "Background")


@pytest.mark.parametrize(
    ("finalizers", "told"),
    [(["example.com/hold"], "held by finalizers: example.com/hold"), (["foregroundDeletion"], "its dependents")],
)
async def test_what_holds_an_object_is_told(finalizers: list[str], told: str) -> None:
    cluster = Cluster(there(deletionTimestamp="2030-01-01T00:00:00Z", finalizers=finalizers))
    outcome = await removed(cluster, entry())

    assert not outcome.gone
    assert told in outcome.message
    assert cluster.asked == [], "it is not asked for twice"


def test_a_namespace_is_held_by_what_is_in_it() -> None:
    conditions = [
        {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "all is well"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "example.com/hold in 1 resource"},
    ]
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "deletionTimestamp": "2030-01-01T00:00:00Z"},
        "status": {"conditions": conditions},
    }
    told = removal.held(live(body))

    assert told.endswith("and waits for what is in it: example.com/hold in 1 resource")


async def test_what_went_meanwhile_is_gone() -> None:
    class Racing(Cluster):
        async def delete(self, *_: object, **__: object) -> bool:
            raise NotFound("gone")

    assert (await removed(Racing(there()), entry())).gone
    assert (await removed(Cluster(None), entry())).gone
