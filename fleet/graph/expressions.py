"""Predicates in CEL, evaluated by Google's own implementation (cel-cpp).

An expression sees the object as ``self`` and must give a bool. Fields that are not there yet are an error in CEL;
for a predicate that means "not yet", with the error as the reason. Source: https://cel.dev, the language of
ValidatingAdmissionPolicies and CRD validation rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from fleet.graph.model import GraphError

_env = cel.NewEnv(variables={"self": cel.Type.DYN})


def holds(expression: str, body: dict[str, Any]) -> tuple[bool, str]:
    """Whether ``expression`` is true of ``body``, and what it gave instead.

    Raises GraphError for an expression that does not compile, or does not give a bool.
    """
    value = _compiled(expression).eval(data={"self": body})
    kind, plain = value.type().name(), value.plain_value()
    if kind == "BOOL":
        return bool(plain), "" if plain else "it is false"
    if kind == "ERROR":
        return False, str(plain)
    raise GraphError(f"readyWhen expression {expression!r} gives {kind.lower()}, not a bool")


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:  # noqa: ANN401 - untyped package
    try:
        return _env.compile(expression)
    except RuntimeError as exc:
        raise GraphError(f"readyWhen expression {expression!r}: {str(exc).splitlines()[0]}") from exc
