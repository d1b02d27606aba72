"""On whose behalf a graph's objects are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.ids import GraphUid
from fleet.kube.writes import Cause

if TYPE_CHECKING:
    from fleet.ids import NodeId
    from fleet.kube.objects import LiveObject


def of_graph(graph: LiveObject, reason: str, *, node: NodeId | None = None) -> Cause:
    """The cause of a write for ``graph``, or for one of its nodes."""
    spec = graph.body.get("spec", {})
    source, revision = spec.get("sourceRef", {}), spec.get("revision", {})
    return Cause(
        reason=reason,
        transform=revision.get("transform"),
        revision=revision.get("number"),
        instance_uid=source.get("uid"),
        instance=f"{source.get('namespace')}/{source.get('name')}",
        instance_kind=source.get("kind"),
        graph_uid=GraphUid(graph.meta.uid),
        node=node,
    )
