"""A module's own table of cases: one file each, what goes in and what is to come out.

The first document of ``cases/NAME.yaml`` is written by a person: it is ``#Render.input``. The second is what comes
of it, a graph or an error, and can be written by `rewrite`, which leaves the first as it is, comments included.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec
import yaml

from fleet.cue.authoring import documents, golden, instances
from fleet.cue.authoring.documents import DocumentError
from fleet.cue.contract import ClusterFacts, InstanceMetadata, Json, RenderInput
from fleet.ids import ClusterName, NodeId

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.cue.authoring.documents import Document

_SUFFIX = ".yaml"
_MOST_DOCUMENTS = 2
_WRITTEN_BY = "# Written by `fleet module test --update`; read it before you commit it.\n"


class _Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = instances.NAME
    namespace: str = instances.NAMESPACE
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    labels: dict[str, str] = {}


class _Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    spec: Json
    metadata: _Metadata = _Metadata()
    cluster: _Cluster | None = None
    observed: dict[str, Json] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the table. ``expected`` is None where nobody has said yet what is to come out."""

    name: str
    file: Path
    head: str
    """The text of the first document."""

    input: RenderInput
    expected: Json | None


def read_all(folder: Path, *, pattern: str = "") -> list[Case]:
    """The cases in ``folder`` whose name has ``pattern`` in it, by name. Raises DocumentError."""
    matching = f"*{pattern}*"
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    return [read(file) for file in files if file.is_file() and fnmatchcase(file.stem, matching)]


def read(file: Path) -> Case:
    """The case in one file. Raises DocumentError, which begins with the place."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise DocumentError(f"{file}: this is not UTF-8 text") from exc
    found = documents.read_all(text, file=str(file))
    if not 1 <= len(found) <= _MOST_DOCUMENTS:
        raise DocumentError(
            f"{file}: a case has one document with what goes in, and after `---` one with what is to come out; "
            f"here are {len(found)}"
        )
    expected = found[1].value if len(found) == _MOST_DOCUMENTS else None
    if expected is not None and not isinstance(expected, dict):
        raise DocumentError(f"{found[1].place('')}: what is to come out has `nodes`, or else `error`")
    return Case(name=file.stem, file=file, head=_head(text), input=_input_of(found[0]), expected=expected)


def rewrite(case: Case, found: Json) -> None:
    """Put what was found into the case's file, as what is expected from now on."""
    head = case.head if case.head.endswith("\n") else f"{case.head}\n"
    text = documents.dump(golden.canonical(found))
    case.file.write_text(f"{head}---\n{_WRITTEN_BY}{text}", encoding="utf-8")


def _head(text: str) -> str:
    """Everything before the second document, which begins with a line of three dashes."""
    events = yaml.parse(text)
    marks = [event.start_mark for event in events if isinstance(event, yaml.DocumentStartEvent)]
    return text[: marks[1].index] if len(marks) > 1 and marks[1] else text


def _input_of(document: Document) -> RenderInput:
    try:
        given = msgspec.convert(document.value, _Input)
    except msgspec.ValidationError as exc:
        raise instances.misfit(exc, document) from exc
    cluster = given.cluster
    return RenderInput(
        metadata=InstanceMetadata(**msgspec.structs.asdict(given.metadata)),
        spec=given.spec,
        cluster=ClusterFacts(name=ClusterName(cluster.name), labels=cluster.labels) if cluster else None,
        observed={NodeId(node): live for node, live in given.observed.items()},
    )
