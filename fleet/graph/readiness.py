"""Whether a live object satisfies a node's predicates.

A verdict always says what was observed, since "not ready" without a reason is what people wait on for an hour. A
status that was written for an older generation says nothing about the object as it is now, and is never ready.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.graph import expressions, kstatus
from fleet.graph.kstatus import READY, Body, Verdict, not_yet
from fleet.graph.model import ReadyWhenType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.graph.model import ReadyWhen


def check(predicates: Sequence[ReadyWhen], body: Body | None) -> Verdict:
    """The first predicate that ``body`` does not satisfy, or READY. None is an object that does not exist.

    Without predicates an object is judged by its kind (`kstatus`). Raises GraphError for an expression that
    cannot be evaluated at all.
    """
    if body is None:
        return not_yet("the object does not exist", predicate="Exists")
    if not predicates:
        return kstatus.check(body)
    for predicate in predicates:
        verdict = _check_one(predicate, body)
        if not verdict.ready:
            return verdict
    return READY


def _check_one(predicate: ReadyWhen, body: Body) -> Verdict:
    match predicate.type:
        case ReadyWhenType.EXISTS:
            return READY
        case ReadyWhenType.DEPLOYMENT_AVAILABLE:
            return _deployment_available(body)
        case ReadyWhenType.CONDITION_MATCH:
            return _condition(body, type_=predicate.condition, wanted=predicate.status)
        case ReadyWhenType.EXPRESSION:
            return _expression(body, predicate.expression)


def _deployment_available(body: Body) -> Verdict:
    """The rule of ``kubectl rollout status``: this very spec is rolled out, and available."""
    name = "DeploymentAvailable"
    if why := kstatus.stale(body, body.get("status", {}).get("observedGeneration")):
        return not_yet(why, predicate=name)
    verdict = kstatus.deployment(body)
    return verdict if verdict.ready else replace(verdict, predicate=name)


def _condition(body: Body, *, type_: str, wanted: str) -> Verdict:
    name = f"ConditionMatch {type_}={wanted}"
    found = kstatus.condition(body, type_)
    if found is None:
        return not_yet(f"there is no condition {type_} yet", predicate=name)
    observed = found.get("observedGeneration", body.get("status", {}).get("observedGeneration"))
    if why := kstatus.stale(body, observed):
        return not_yet(why, predicate=name)
    if found.get("status") == wanted:
        return READY
    said = found.get("message") or found.get("reason") or ""
    seen = f"condition {type_} is {found.get('status')}"
    return not_yet(seen + (f": {said}" if said else ""), predicate=name)


def _expression(body: Body, expression: str) -> Verdict:
    name = f"Expression {expression}"
    if why := kstatus.stale(body, body.get("status", {}).get("observedGeneration")):
        return not_yet(why, predicate=name)
    true, instead = expressions.holds(expression, body)
    return READY if true else not_yet(instead, predicate=name)
