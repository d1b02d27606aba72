"""What came of a render, as a document that is kept beside the case and compared with the next one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.cue.authoring import documents
from fleet.cue.errors import CueError

if TYPE_CHECKING:
    from fleet.cue.contract import Json, Rendered
    from fleet.errors import Terminal

ERROR = "error"
_PARTS = ("metadata", "nodes", "waiting", "violations", "status", ERROR)


def of_graph(rendered: Rendered) -> Json:
    """The graph; what there is none of is left out."""
    parts: dict[str, Any] = {
        "metadata": rendered.metadata,
        "nodes": rendered.nodes,
        "waiting": msgspec.to_builtins(rendered.waiting),
        "violations": msgspec.to_builtins(rendered.violations),
        "status": rendered.status,
    }
    return canonical({name: part for name, part in parts.items() if part or name == "nodes"})


def of_error(error: Terminal) -> Json:
    """The error, without the lines of the module's files, which move with every edit."""
    problems: list[Json] = []
    if isinstance(error, CueError):
        for each in error.problems:
            parts = {"node": each.node, "path": each.path, "message": each.message}
            problems.append({name: part for name, part in parts.items() if part})
    return {ERROR: {"kind": type(error).__name__, "problems": problems or [{"message": str(error)}]}}


def canonical(document: Json) -> Json:
    """The document in the one order in which it is written, whatever order the module has."""
    known = [name for name in _PARTS if name in document]
    parts = {name: documents.ordered(document[name]) for name in [*known, *sorted(document.keys() - set(known))]}
    if isinstance(parts.get("nodes"), list):
        parts["nodes"] = [_object_last(node) for node in parts["nodes"]]
    return parts


def same(expected: Json, found: Json) -> bool:
    """Whether they say the same, in whatever order."""
    one, other = (msgspec.json.encode(each, order="deterministic") for each in (expected, found))
    return one == other


def diff(expected: Json, found: Json) -> list[str]:
    """The lines that differ and some around them, in the order in which the document is written."""
    one, other = (documents.dump(canonical(each)).splitlines() for each in (expected, found))
    return list(difflib.unified_diff(one, other, fromfile="expected", tofile="found", lineterm=""))


def _object_last(node: Any) -> Any:  # noqa: ANN401 - what a person wrote into the list of nodes
    """A node begins with what it is called and when it is ready; its object is long."""
    if not isinstance(node, dict) or "object" not in node:
        return node
    return {**{name: part for name, part in node.items() if name != "object"}, "object": node["object"]}
