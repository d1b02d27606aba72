"""What goes into a module and what comes out of it; ``docs/module-contract.md`` is the same for its author."""

from __future__ import annotations

from typing import Any

import msgspec

from fleet.ids import ClusterName, NodeId

Json = dict[str, Any]
"""A JSON object, as the module or the cluster gave it."""


class Meta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``#Meta``: what a module says of the kind that it defines. ``printer_columns`` are those of a CRD."""

    kind: str | None = None
    plural: str | None = None
    categories: tuple[str, ...] = ()
    printer_columns: tuple[Json, ...] = ()


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the schema accepts more than CUE does, because a structural schema cannot say it.

    ``path`` is the instance's: ``spec.address``, and ``spec`` where it is all of it.
    """

    path: str
    reason: str


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """``#Input`` as a structural schema: never stricter than CUE, and wider only where ``issues`` say so."""

    schema: Json
    issues: tuple[Issue, ...] = ()


class InstanceMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a module may read of the instance's metadata."""

    name: str
    namespace: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ClusterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The cluster that the instance lives on."""

    name: ClusterName
    labels: dict[str, str] = {}


class RenderInput(msgspec.Struct, frozen=True, kw_only=True):
    """``#Render.input``: the instance, where it runs, and the live objects of the nodes applied so far."""

    metadata: InstanceMetadata
    spec: Json
    cluster: ClusterFacts | None = None
    observed: dict[NodeId, Json] = {}


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A node that cannot be given yet, and the values, such as ``observed.db.status.host``, that it needs."""

    node: NodeId
    paths: tuple[str, ...]


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """What the module says is wrong with the instance; ``severity`` Error stops the graph."""

    message: str
    path: str = ""
    severity: str = "Error"


Reads = bool | dict[str, Any]
"""Which part of a value could make a difference: True for all of it, otherwise the same for each field that could.

A field without a name stands for the value's being there.
"""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """``#Render``: the nodes that are known, those that wait, and the status as far as it is known.

    ``reads`` says which part of ``observed`` it could depend on: while that stays as it is, so does the rest.
    """

    metadata: Json
    nodes: tuple[Json, ...]
    violations: tuple[Violation, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    status: Json | None = None
    reads: Reads = True
