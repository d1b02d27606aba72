"""The objects that graphs stand for, as their cluster shows them.

One stream a resource type serves every graph of the cluster: it shows what carries the label of a graph, and is
started when the first node of that type is met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.ids import GraphUid, NodeId
from fleet.kube import labels
from fleet.kube.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ObjectRef, ResourceType
    from fleet.watch.informers import Informer, Informers


class Children:
    """The children of one cluster's graphs; ``on_change`` hears which node of which graph changed."""

    def __init__(
        self, client: ClusterClient, informers: Informers, *, on_change: Callable[[GraphUid, NodeId], None]
    ) -> None:
        self._client = client
        self._informers = informers
        self._on_change = on_change

    async def watched(self, resource: ResourceType) -> Informer:
        """The informer of a resource type, once it has listed. Raises what keeps it from that."""
        informer = self._informers.start(
            resource, on_change=self._changed, selector=labels.GRAPH, index_label=labels.GRAPH
        )
        await informer.synced()
        return informer

    async def find(self, resource: ResourceType, ref: ObjectRef) -> LiveObject | None:
        """The object as it is, whether it carries the label of a graph or not; None where there is none."""
        informer = await self.watched(resource)
        known = informer.cache.get(ref.namespace, ref.name)
        if known is not None and informer.seeing:
            return known
        try:
            return await self._client.get(resource, ref.name, namespace=ref.namespace or None)
        except NotFound:
            return None

    async def is_new(self, resource: ResourceType, ref: ObjectRef) -> bool:
        """Whether the watch sees everything that carries the label of a graph, and nothing of that name.

        There may still be an object of that name which is no graph's.
        """
        informer = await self.watched(resource)
        return informer.seeing and informer.cache.get(ref.namespace, ref.name) is None

    def _changed(self, seen: LiveObject) -> None:
        self._on_change(GraphUid(seen.meta.labels[labels.GRAPH]), NodeId(seen.meta.labels.get(labels.NODE, "")))
