"""Operations of the audit log in words, in columns and in JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fleet.audit.facts import Tag
from fleet.cli import printing, tables, times
from fleet.cli.tables import Cell
from fleet.cli.trail import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from fleet.audit.query import AuditEntry
    from fleet.cli.tables import Row
    from fleet.cli.trail import Operation
    from fleet.kube.resources import ObjectRef

HEADINGS = ("WHEN (UTC)", "CLUSTER", "WHAT", "FOR", "WHY", "TOOK", "RESULT")
NARROW_HEADINGS = ("WHEN (UTC)", "CLUSTER", "WHAT", "TOOK", "RESULT")
WIDE_HEADINGS = (*HEADINGS, "REVISION", "RESOURCE VERSION", "OPERATION", "DETAIL")

_STYLES = {Result.DONE: "green", Result.FAILED: "red", Result.UNFINISHED: "yellow", Result.NOTED: "dim"}
_SHORT = {"CustomResourceDefinition": "CRD"}
_FACTS = {
    Tag.CLUSTER_REGISTERED: "registered the cluster",
    Tag.CLUSTER_UPDATED: "registration changed",
    Tag.CLUSTER_DETACHED: "detached the cluster",
    Tag.CLUSTER_FILE_REFUSED: "refused a cluster file",
    Tag.CLUSTER_HEALTH_CHANGED: "health changed",
    Tag.TRANSFORM_REVISION_CREATED: "new revision",
    Tag.TRANSFORM_REVISION_FAILED: "no new revision",
    Tag.TRANSFORM_ROLLOUT_CHANGED: "rollout changed",
    Tag.TRANSFORM_FORGOTTEN: "forgot the Transform",
    Tag.INSTANCE_RENDER_FAILED: "render failed",
    Tag.INSTANCE_RENDER_REFUSED: "render refused",
    Tag.GRAPH_COMPLETED: "graph completed",
    Tag.GRAPH_FAILED: "graph failed",
    Tag.GRAPH_TORN_DOWN: "graph torn down",
    Tag.AUDIT_PRUNED: "forgot old facts",
}


class Form(StrEnum):
    """How operations are written."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"


def show(console: Console, operations: Sequence[Operation], *, form: Form = Form.TABLE, at: datetime) -> None:
    """The table of ``operations``, as seen at this moment."""
    headings: Sequence[str] = WIDE_HEADINGS if form is Form.WIDE else HEADINGS
    rows = [cells(each, form=form, at=at) for each in operations]
    if console.is_terminal and form is Form.TABLE and tables.width(headings, rows) > console.width:
        headings, rows = NARROW_HEADINGS, [narrow_cells(each, at=at) for each in operations]
    tables.show(console, headings, rows)


def narrow_cells(operation: Operation, *, at: datetime) -> Row:
    """The cells under `NARROW_HEADINGS`: on whose behalf, why, and an error, in lines of their own."""
    entry = operation.entry
    cause = ": ".join(part for part in (on_behalf_of(entry), entry.reason) if part)
    lines = [what(entry), f"  for {cause}" if on_behalf_of(entry) else f"  {cause}", entry.error or ""]
    return (
        times.clock(operation.started_at, at=at),
        entry.cluster or "",
        "\n".join(line for line in lines if line.strip()),
        times.took(entry.duration_ms),
        Cell(outcome(operation).partition(":")[0], _STYLES[operation.result]),
    )


def cells(operation: Operation, *, form: Form = Form.TABLE, at: datetime) -> Row:
    """The cells under `HEADINGS` or `WIDE_HEADINGS`."""
    entry = operation.entry
    row = (
        times.clock(operation.started_at, at=at),
        entry.cluster or "",
        what(entry),
        on_behalf_of(entry),
        entry.reason or "",
        times.took(entry.duration_ms),
        Cell(outcome(operation), _STYLES[operation.result]),
    )
    if form is not Form.WIDE:
        return row
    return (
        *row,
        str(entry.revision or ""),
        entry.resource_version or "",
        entry.operation,
        " ".join(f"{key}={value}" for key, value in (entry.detail or {}).items()),
    )


def what(entry: AuditEntry) -> str:
    """What was done, and to which object."""
    source, verb, _ = entry.tag.split(":")
    if entry.tag in _FACTS:
        return _FACTS[Tag(entry.tag)] + (f" of {_named(entry.ref)}" if entry.ref else "")
    doing = "status of" if source == "status" else verb
    return f"{doing} {_named(entry.ref)}" if entry.ref else entry.tag


def on_behalf_of(entry: AuditEntry) -> str:
    """The instance and node, or else the Transform, that it was done for."""
    if entry.instance:
        node = f", node {entry.node}" if entry.node else ""
        return f"{entry.instance_kind} {entry.instance}{node}"
    return f"Transform {entry.transform}" if entry.transform else ""


def outcome(operation: Operation) -> str:
    """How it ended, in a few words, or in the error's."""
    match operation.result:
        case Result.FAILED:
            return f"failed: {operation.entry.error}"
        case Result.UNFINISHED:
            return "UNFINISHED"
        case Result.DONE:
            return "done"
        case Result.NOTED:
            return ""


def document(operation: Operation) -> dict[str, Any]:
    """One operation for machines; what is not known is left out."""
    entry = operation.entry
    return printing.known(
        operation=entry.operation,
        what=entry.tag if operation.result is Result.NOTED else entry.tag.rpartition(":")[0],
        result=operation.result.value,
        startedAt=printing.moment(operation.started_at),
        durationMs=entry.duration_ms,
        cluster=entry.cluster,
        object=_reference(entry.ref) if entry.ref else None,
        transform=entry.transform,
        revision=entry.revision,
        instance=entry.instance,
        instanceKind=entry.instance_kind,
        instanceUid=entry.instance_uid,
        graphUid=entry.graph_uid,
        node=entry.node,
        reason=entry.reason,
        error=entry.error,
        resourceVersion=entry.resource_version,
        detail=entry.detail,
    )


def _reference(ref: ObjectRef) -> dict[str, str]:
    place = {"namespace": ref.namespace} if ref.namespace else {}
    return {"apiVersion": ref.api_version, "kind": ref.kind, **place, "name": ref.name}


def _named(ref: ObjectRef) -> str:
    kind = _SHORT.get(ref.kind, ref.kind)
    return f"{kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{kind} {ref.name}"
