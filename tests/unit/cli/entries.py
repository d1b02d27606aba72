"""Entries of the audit log, as the database would give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.audit.query import AuditEntry
from fleet.ids import ClusterName, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import OperationId

if TYPE_CHECKING:
    from datetime import datetime


def entry(number: int, tag: str, *, at: datetime, operation: str = "op-1", **fields: Any) -> AuditEntry:  # noqa: ANN401
    """The entry of a write to the Deployment of an instance, with ``fields`` over it."""
    known: dict[str, Any] = {
        "cluster": ClusterName("spoke-1"),
        "transform": TransformName("webservice"),
        "revision": 3,
        "instance_uid": None,
        "instance_kind": "WebService",
        "instance": "team-a/shop",
        "graph_uid": None,
        "node": NodeId("deployment"),
        "ref": ObjectRef(api_version="apps/v1", kind="Deployment", namespace="team-a", name="shop"),
        "reason": "the graph's node",
        "error": None,
        "resource_version": None,
        "duration_ms": None,
        "detail": None,
    }
    return AuditEntry(id=number, at=at, operation=OperationId(operation), tag=tag, **(known | fields))
