"""What can be said in the audit log, and how it is written into a row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fleet.kube.writes import Verb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fleet.ids import ClusterName
    from fleet.kube.resources import ObjectRef
    from fleet.kube.writes import Cause, OperationId, Write, WriteOutcome


class Tag(StrEnum):
    """What happened: source, subject, action. People filter by these, so none is ever renamed."""

    OBJECT_APPLY_INTENT = "object:apply:intent"
    OBJECT_APPLY_OUTCOME = "object:apply:outcome"
    OBJECT_CREATE_INTENT = "object:create:intent"
    OBJECT_CREATE_OUTCOME = "object:create:outcome"
    OBJECT_DELETE_INTENT = "object:delete:intent"
    OBJECT_DELETE_OUTCOME = "object:delete:outcome"
    OBJECT_PATCH_INTENT = "object:patch:intent"
    OBJECT_PATCH_OUTCOME = "object:patch:outcome"
    STATUS_UPDATE_INTENT = "status:update:intent"
    STATUS_UPDATE_OUTCOME = "status:update:outcome"

    CLUSTER_REGISTERED = "cluster:registration:added"
    CLUSTER_UPDATED = "cluster:registration:changed"
    CLUSTER_DETACHED = "cluster:registration:removed"
    CLUSTER_FILE_REFUSED = "cluster:file:refused"
    CLUSTER_HEALTH_CHANGED = "cluster:health:changed"

    TRANSFORM_REVISION_CREATED = "transform:revision:created"
    TRANSFORM_REVISION_FAILED = "transform:revision:failed"
    TRANSFORM_ROLLOUT_CHANGED = "transform:rollout:changed"
    TRANSFORM_FORGOTTEN = "transform:revision:withdrawn"

    INSTANCE_RENDER_FAILED = "instance:render:failed"
    INSTANCE_RENDER_REFUSED = "instance:render:refused"
    GRAPH_COMPLETED = "graph:execution:completed"
    GRAPH_FAILED = "graph:execution:failed"
    GRAPH_TORN_DOWN = "graph:teardown:completed"

    AUDIT_PRUNED = "audit:log:pruned"


_INTENTS = {
    Verb.APPLY: Tag.OBJECT_APPLY_INTENT,
    Verb.CREATE: Tag.OBJECT_CREATE_INTENT,
    Verb.DELETE: Tag.OBJECT_DELETE_INTENT,
    Verb.PATCH: Tag.OBJECT_PATCH_INTENT,
    Verb.STATUS: Tag.STATUS_UPDATE_INTENT,
}
_OUTCOMES = {
    Verb.APPLY: Tag.OBJECT_APPLY_OUTCOME,
    Verb.CREATE: Tag.OBJECT_CREATE_OUTCOME,
    Verb.DELETE: Tag.OBJECT_DELETE_OUTCOME,
    Verb.PATCH: Tag.OBJECT_PATCH_OUTCOME,
    Verb.STATUS: Tag.STATUS_UPDATE_OUTCOME,
}
INTENT_TAGS = tuple(_INTENTS.values())

Row = dict[str, Any]
"""One row of ``audit_log``, with every column but ``id``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A decision that is not a write: what, on whose behalf and why, and the ``error`` that it ended in."""

    tag: Tag
    cause: Cause
    cluster: ClusterName | None = None
    ref: ObjectRef | None = None
    error: str | None = None
    detail: Mapping[str, Any] | None = None


def intent_row(write: Write, *, operation: OperationId, at: datetime) -> Row:
    """The row that says that ``write`` is about to be sent."""
    row = _row(_INTENTS[write.verb], operation=operation, at=at, cause=write.cause)
    return _about(row, cluster=write.cluster, ref=write.ref)


def outcome_row(write: Write, *, outcome: WriteOutcome, operation: OperationId, at: datetime) -> Row:
    """The row that says how ``write`` ended."""
    row = _row(_OUTCOMES[write.verb], operation=operation, at=at, cause=write.cause)
    row["error"] = _storable(outcome.error)
    row["resource_version"] = outcome.resource_version
    row["duration_ms"] = round(outcome.duration_s * 1000, 3)
    return _about(row, cluster=write.cluster, ref=write.ref)


def fact_row(fact: Fact, *, operation: OperationId, at: datetime) -> Row:
    """The row that says ``fact``."""
    row = _row(fact.tag, operation=operation, at=at, cause=fact.cause)
    row["error"] = _storable(fact.error)
    row["detail"] = dict(fact.detail) if fact.detail is not None else None
    return _about(row, cluster=fact.cluster, ref=fact.ref)


def _row(tag: Tag, *, operation: OperationId, at: datetime, cause: Cause) -> Row:
    return {
        "at": at,
        "operation": operation,
        "tag": tag.value,
        "transform": cause.transform,
        "revision": cause.revision,
        "instance_uid": cause.instance_uid,
        "instance_kind": cause.instance_kind,
        "instance": cause.instance,
        "graph_uid": cause.graph_uid,
        "node": cause.node,
        "reason": _storable(cause.reason),
        "error": None,
        "resource_version": None,
        "duration_ms": None,
        "detail": None,
    }


def _about(row: Row, *, cluster: ClusterName | None, ref: ObjectRef | None) -> Row:
    row["cluster"] = cluster
    row["api_version"] = ref.api_version if ref else None
    row["kind"] = ref.kind if ref else None
    row["namespace"] = ref.namespace if ref else None
    row["name"] = ref.name if ref else None
    return row


def _storable(text: str | None) -> str | None:
    """Other people's text without what PostgreSQL (NUL) and UTF-8 (lone surrogates) cannot hold."""
    if text is None:
        return None
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
