"""YAML that people wrote, in which every value has a place, and YAML for people to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from fleet.errors import Terminal

# In every object of Kubernetes these come first; what follows is in alphabetical order, as kubectl prints it.
_FIRST = (
    *("id", "dependsOn", "readyWhen", "node", "path", "message"),
    *("apiVersion", "kind", "metadata", "name", "namespace", "type"),
)
_RANK = {key: rank for rank, key in enumerate(_FIRST)}

_STEP = re.compile(r'\[(?P<index>\d+)\]|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^.\[\]"]+)')

_TEXT = "tag:yaml.org,2002:str"

# Strings that PyYAML would write without quotes, and that YAML in Go reads as numbers or booleans.
_MISREAD = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)[eE][-+]?\d+|0o[0-7]+|[yYnN]")


class DocumentError(Terminal):
    """A file that is not what it should be; the message begins with the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands in a file that a person wrote."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document: what it says, and where it says it."""

    file: str
    value: Any
    node: yaml.Node

    def place(self, path: str) -> Place:
        """Where the value of ``path``, such as ``spec.ports[0].name``, stands; else what it is missing in."""
        node = self.node
        for step in _STEP.finditer(path):
            inner = _inner(node, step)
            if inner is None:
                break
            node = inner
        mark = node.start_mark
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1)


class _Loader(yaml.SafeLoader):
    """Reads what JSON can hold: a date stays the text that it is, as an API server takes it."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_all(text: str, *, file: str) -> list[Document]:
    """Every document in ``text``, the empty ones left out. Raises DocumentError for what is not YAML."""
    documents = []
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node)
            msgspec.json.encode(value)
            if node is not None and value is not None:
                documents.append(Document(file=file, value=value, node=node))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        problem = ", ".join(part for part in (exc.context, exc.problem) if part)
        raise DocumentError(f"{place}: this is not YAML: {problem}") from exc
    except RecursionError as exc:
        raise DocumentError(f"{file}: values are nested too deeply, or contain themselves") from exc
    except TypeError as exc:
        raise DocumentError(f"{file}: there is a value that JSON cannot hold: {exc}") from exc
    except yaml.reader.ReaderError as exc:
        line, column = text.count("\n", 0, exc.position) + 1, exc.position - text.rfind("\n", 0, exc.position)
        problem = f"the character #x{exc.character:04x} is not allowed"
        raise DocumentError(f"{file}:{line}:{column}: this is not YAML: {problem}") from exc
    return documents


def read_one(text: str, *, file: str) -> Document:
    """The one document in ``text``, which is an object. Raises DocumentError."""
    documents = read_all(text, file=file)
    if len(documents) != 1:
        raise DocumentError(f"{file}: expected one YAML document, found {len(documents) or 'an empty file'}")
    [document] = documents
    if not isinstance(document.value, dict):
        raise DocumentError(f"{document.place('')}: expected an object")
    return document


class _Dumper(yaml.SafeDumper):
    """Writes every value out, and text of several lines as such."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text.strip():
        style = "|"
    elif _MISREAD.fullmatch(text) or _resolved(dumper, text) != _TEXT:
        style = '"'
    return dumper.represent_scalar(_TEXT, text, style=style)


def _resolved(dumper: yaml.SafeDumper, text: str) -> str:
    """What YAML takes ``text`` for where it stands without quotes."""
    tag: str = dumper.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag


_Dumper.add_representer(str, _represent_text)


def dump(value: object) -> str:
    """``value`` as YAML, in the order that it has."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )


def ordered(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """The same value in the one order that is always written."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (_RANK.get(key, len(_RANK)), str(key)))
        return {key: ordered(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [ordered(each) for each in value]
    return value


def _inner(node: yaml.Node, step: re.Match[str]) -> yaml.Node | None:
    """The node that one step of a path leads to. None where there is none."""
    if step["index"] is not None:
        if not isinstance(node, yaml.SequenceNode) or int(step["index"]) >= len(node.value):
            return None
        element: yaml.Node = node.value[int(step["index"])]
        return element
    if not isinstance(node, yaml.MappingNode):
        return None
    name = step["name"] if step["quoted"] is None else step["quoted"]
    return next((value for key, value in node.value if key.value == name), None)
