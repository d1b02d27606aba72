"""Label selectors, with the meaning that Kubernetes gives them.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fleet.errors import Terminal
from fleet.registry.labels import label_key_problem, label_value_problem

if TYPE_CHECKING:
    from collections.abc import Mapping


class SelectorError(Terminal):
    """A selector that cannot be understood; the message names the field."""


class Operator(StrEnum):
    """How a requirement relates a key to its values."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One entry of ``matchExpressions``."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` meet it; ``NotIn`` is also met by labels without the key."""
        match self.operator:
            case Operator.IN:
                return self.key in labels and labels[self.key] in self.values
            case Operator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels

    def __str__(self) -> str:
        """The requirement as ``kubectl --selector`` has it."""
        some = f"({', '.join(self.values)})"
        match self.operator:
            case Operator.IN:
                return f"{self.key}={self.values[0]}" if len(self.values) == 1 else f"{self.key} in {some}"
            case Operator.NOT_IN:
                return f"{self.key}!={self.values[0]}" if len(self.values) == 1 else f"{self.key} notin {some}"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """All requirements must be met; none is met by everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def to_json(self) -> dict[str, object]:
        """The selector as ``parse`` reads it."""
        return {
            "matchExpressions": [
                {"key": each.key, "operator": each.operator.value, "values": list(each.values)}
                for each in self.requirements
            ]
        }


EVERYTHING = LabelSelector()


def parse(raw: object, *, field: str) -> LabelSelector:
    """The selector at ``field`` of some object; raises SelectorError."""
    selector = _mapping(raw, field)
    _refuse_unknown(selector, field, known=("matchLabels", "matchExpressions"))
    labels = _mapping(selector.get("matchLabels") or {}, f"{field}.matchLabels")
    expressions = _list(selector.get("matchExpressions") or [], f"{field}.matchExpressions")
    return LabelSelector(
        requirements=(
            *(_equality(key, value, f"{field}.matchLabels") for key, value in sorted(labels.items())),
            *(_requirement(each, f"{field}.matchExpressions[{at}]") for at, each in enumerate(expressions)),
        )
    )


def _equality(key: str, value: object, field: str) -> Requirement:
    _check(label_key_problem(key), field, key)
    return Requirement(key=key, operator=Operator.IN, values=(_value(value, f"{field}.{key}"),))


def _requirement(raw: object, field: str) -> Requirement:
    expression = _mapping(raw, field)
    _refuse_unknown(expression, field, known=("key", "operator", "values"))
    key = expression.get("key")
    if not isinstance(key, str):
        raise SelectorError(f"{field}.key: a label key is needed")
    _check(label_key_problem(key), f"{field}.key", key)
    found = expression.get("operator")
    if found not in list(Operator):
        raise SelectorError(f"{field}.operator: {found!r} is none of {', '.join(Operator)}")
    operator = Operator(str(found))
    values = tuple(
        _value(each, f"{field}.values[{at}]")
        for at, each in enumerate(_list(expression.get("values") or [], f"{field}.values"))
    )
    if operator in {Operator.IN, Operator.NOT_IN} and not values:
        raise SelectorError(f"{field}.values: {operator} needs at least one value")
    if operator in {Operator.EXISTS, Operator.DOES_NOT_EXIST} and values:
        raise SelectorError(f"{field}.values: {operator} takes no values; remove them, or use In or NotIn")
    return Requirement(key=key, operator=operator, values=values)


def _value(raw: object, field: str) -> str:
    if not isinstance(raw, str):
        raise SelectorError(f"{field}: {raw!r} is not a string; put it in quotes")
    _check(label_value_problem(raw), field, raw)
    return raw


def _mapping(raw: object, field: str) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        raise SelectorError(f"{field}: expected an object, found {raw!r}")
    return raw


def _list(raw: object, field: str) -> list[object]:
    if not isinstance(raw, list):
        raise SelectorError(f"{field}: expected a list, found {raw!r}")
    return raw


def _refuse_unknown(raw: Mapping[str, object], field: str, *, known: tuple[str, ...]) -> None:
    for key in raw:
        if key not in known:
            raise SelectorError(f"{field}.{key}: unknown field; a selector here has {' and '.join(known)}")


def _check(problem: str | None, field: str, found: str) -> None:
    if problem:
        raise SelectorError(f"{field}: {found!r} {problem}")
