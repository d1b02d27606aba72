"""A YAML document whose every value knows where it stands, so that a complaint can point at it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import yaml

from fleet.registry.errors import ClusterFileError

if TYPE_CHECKING:
    from pathlib import Path

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING = "tag:yaml.org,2002:str"
_BOOLEAN = "tag:yaml.org,2002:bool"
_BOOLEANS: dict[str, bool] = yaml.SafeLoader.bool_values
_KINDS = {
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "null": "nothing",
    "str": "a string",
    "timestamp": "a date",
    "map": "an object",
    "seq": "a list",
}


def read(text: str, *, file: Path) -> Value:
    """The one document in ``text``; raises ClusterFileError for what is not YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise ClusterFileError(
            f"this is not YAML: {problem}",
            file=file,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ClusterFileError(
            f"this is not YAML: the character #x{error.character:04x} is not allowed",
            file=file,
            line=line,
            column=1,
        ) from error
    if node is None:
        raise ClusterFileError("the file is empty; clusters/README.md shows what belongs in it", file=file)
    return Value(node=node, file=file, field="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A part of a document: its node, and the path that leads to it."""

    node: yaml.Node
    file: Path
    field: str

    def fail(self, problem: str) -> NoReturn:
        """Raise ClusterFileError that points here."""
        mark = self.node.start_mark
        raise ClusterFileError(
            problem, file=self.file, line=mark.line + 1, column=mark.column + 1, field=self.field
        )

    @property
    def found(self) -> str:
        """What stands here, in words."""
        kind = _KINDS.get(self.node.tag.rpartition(":")[2], f"something tagged {self.node.tag}")
        if isinstance(self.node, yaml.ScalarNode) and self.node.value:
            return f"{kind} ({self.node.value})"
        return kind

    def fields(self, *known: str) -> dict[str, Value]:
        """The values of an object that may have the ``known`` fields and no other."""
        members = self.members()
        for name, (key, _) in members.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
                key.fail(f"unknown field; {hint}")
        return {name: value for name, (_, value) in members.items()}

    def members(self) -> dict[str, tuple[Value, Value]]:
        """Key and value of each entry of an object, by the key's text."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"expected an object, found {self.found}")
        members: dict[str, tuple[Value, Value]] = {}
        for key_node, value_node in self.node.value:
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            key = Value(node=key_node, file=self.file, field=f"{self.field}.{name}" if self.field else name)
            if key_node.tag != _STRING:
                key.fail(f"a field's name must be a string, found {key.found}; put it in quotes")
            if name in members:
                key.fail("the field stands here for the second time; remove one")
            members[name] = (key, Value(node=value_node, file=self.file, field=key.field))
        return members

    def items(self) -> list[Value]:
        """The values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail(f"expected a list, found {self.found}")
        return [
            Value(node=node, file=self.file, field=f"{self.field}[{at}]")
            for at, node in enumerate(self.node.value)
        ]

    def text(self) -> str:
        """The value of a string that is not empty."""
        text = self.any_text()
        if not text:
            self.fail("must not be empty")
        return text

    def any_text(self) -> str:
        """The value of a string."""
        if self.node.tag != _STRING:
            quote = f'; put it in quotes: "{self.node.value}"' if isinstance(self.node, yaml.ScalarNode) else ""
            self.fail(f"expected a string, found {self.found}{quote}")
        return str(self.node.value)

    def boolean(self) -> bool:
        """The value of a boolean."""
        meant = _BOOLEANS.get(str(self.node.value).lower()) if self.node.tag == _BOOLEAN else None
        if meant is None:  # a text of another kind, or one with the tag of a boolean
            self.fail(f"expected true or false, found {self.found}")
        return meant
