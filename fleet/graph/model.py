"""The spec of a ResourceGraph, parsed once at the edge.

Field by field this is ``spec`` of ``config/crd/resourcegraphs.yaml``; the same shapes come out of a module's
``#Render.output.nodes``.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from fleet.errors import Terminal
from fleet.ids import NodeId


class GraphError(Terminal):
    """A graph that cannot be executed as it is; the message names the node or the path of nodes."""


class Mode(StrEnum):
    """How a node's object comes to be."""

    APPLY = "Apply"
    CREATE = "Create"
    ADOPT = "Adopt"


class ConflictPolicy(StrEnum):
    """What to do about fields that another field manager owns."""

    ERROR = "Error"
    FORCE = "Force"


class DeletionPolicy(StrEnum):
    """What becomes of a node's object when the node goes."""

    DELETE = "Delete"
    ORPHAN = "Orphan"


class Adoption(StrEnum):
    """Whether a node may take over an object that exists and that no graph has made."""

    NEVER = "Never"
    IF_NO_DIFF = "IfNoDiff"
    """Only where applying the node would change nothing but the labels by which it is known."""
    ALWAYS = "Always"


class Replacement(StrEnum):
    """What to do where a field cannot be changed on a living object."""

    NEVER = "Never"
    ALLOWED = "Allowed"
    """Delete the object, and create it anew."""


class DriftPolicy(StrEnum):
    """What to do where somebody else changed what the node set."""

    HEAL = "Heal"
    REPORT = "Report"
    OFF = "Off"


class ReadyWhenType(StrEnum):
    """The predicates that a node can wait for."""

    EXISTS = "Exists"
    DEPLOYMENT_AVAILABLE = "DeploymentAvailable"
    CONDITION_MATCH = "ConditionMatch"
    EXPRESSION = "Expression"


class Severity(StrEnum):
    """Whether a violation stops the graph."""

    ERROR = "Error"
    WARNING = "Warning"


class ApplyPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``applyPolicy`` of a node."""

    mode: Mode = Mode.APPLY
    conflict_policy: ConflictPolicy = ConflictPolicy.ERROR
    field_manager: str = "pequod-fleet"
    adopt: Adoption | None = None
    replace: Replacement = Replacement.NEVER
    drift: DriftPolicy = DriftPolicy.HEAL

    @property
    def adoption(self) -> Adoption:
        """``adopt``; left out it is Always for the mode Adopt, and Never for the others."""
        return self.adopt or (Adoption.ALWAYS if self.mode is Mode.ADOPT else Adoption.NEVER)


class ReadyWhen(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One predicate: ``condition`` and ``status`` belong to ConditionMatch, ``expression`` to Expression."""

    type: ReadyWhenType
    condition: str = ""
    status: str = "True"
    expression: str = ""
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        """What ValueError says becomes part of the GraphError, behind the path of the field."""
        if self.type is ReadyWhenType.CONDITION_MATCH and not self.condition:
            raise ValueError("a ConditionMatch needs the name of a condition")
        if self.type is ReadyWhenType.EXPRESSION and not self.expression:
            raise ValueError("an Expression needs an expression in CEL")


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How a failing node is tried again; after ``max_attempts`` it is an Error, and tried slowly."""

    max_attempts: int = 8
    initial_delay_seconds: float = 0.5
    max_delay_seconds: float = 60.0


class Node(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One object of the graph, and how it is brought about."""

    id: NodeId
    object: dict[str, Any]
    apply_policy: ApplyPolicy = ApplyPolicy()
    depends_on: tuple[NodeId, ...] = ()
    ready_when: tuple[ReadyWhen, ...] = ()
    retry_policy: RetryPolicy = RetryPolicy()
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE

    def digest(self) -> str:
        """Changes whenever applying the node again could change the cluster."""
        identity = (self.object, self.apply_policy.mode, self.apply_policy.field_manager)
        return hashlib.sha256(msgspec.json.encode(identity, order="deterministic")).hexdigest()


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """What a module says is wrong with an instance."""

    path: str = ""
    message: str
    severity: Severity = Severity.ERROR


class SourceRef(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The instance that a graph was rendered from."""

    api_version: str
    kind: str
    name: str
    namespace: str
    uid: str


class RevisionRef(msgspec.Struct, frozen=True, kw_only=True):
    """The revision of the Transform that rendered a graph."""

    transform: str
    number: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A node that the render left out because values that it needs were not observed yet."""

    node: NodeId
    paths: tuple[str, ...] = ()


class GraphSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``spec`` of a ResourceGraph."""

    source_ref: SourceRef
    revision: RevisionRef
    render_hash: str
    nodes: tuple[Node, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    violations: tuple[Violation, ...] = ()


def parse_spec(spec: object) -> GraphSpec:
    """Read ``spec`` of a ResourceGraph. Raises GraphError, which names the field."""
    try:
        return msgspec.convert(spec, GraphSpec)
    except msgspec.ValidationError as exc:
        raise GraphError(f"spec: {exc}") from exc
