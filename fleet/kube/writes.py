"""What every write to a cluster says about itself, and to whom.

The client calls the log before and after each write, so that no write can be forgotten: ``intend`` returns when
the intent is durable, ``conclude`` only queues the outcome. A crash between the two leaves an intent without an
outcome, which is how an operator sees what may have happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:
    from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId, TransformName
    from fleet.kube.resources import ObjectRef

OperationId = NewType("OperationId", str)
"""Joins the intent and the outcome of one write."""


class Verb(StrEnum):
    """What a write does to its object."""

    APPLY = "apply"
    CREATE = "create"
    DELETE = "delete"
    PATCH = "patch"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """On whose behalf a write happens. What does not apply is None."""

    reason: str
    transform: TransformName | None = None
    revision: int | None = None
    instance_uid: InstanceUid | None = None
    instance: str | None = None  # "namespace/name"
    instance_kind: str | None = None
    graph_uid: GraphUid | None = None
    node: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write that is about to be sent to ``cluster``."""

    cluster: ClusterName
    verb: Verb
    ref: ObjectRef
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """How a write ended: ``error`` is None where the API server accepted it."""

    error: str | None = None
    resource_version: str | None = None
    duration_s: float


class WriteLog(Protocol):
    """Remembers writes. The audit room has the one that the hub uses."""

    async def intend(self, write: Write) -> OperationId:
        """Record what is about to be done, and return when that record would survive a crash."""
        ...

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> None:
        """Queue how it ended; it becomes durable soon, in a group with others."""
        ...
