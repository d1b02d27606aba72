"""Whether a live object satisfies a node's predicates.

A verdict always says what was observed, since "not ready" without a reason is what people wait on for an hour.
A status that was written for an older generation says nothing about the object as it is now, and is never ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fleet.graph.model import GraphError, ReadyWhenType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.graph.model import ReadyWhen

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``ready``, or what is missing: the predicate and what was observed instead."""

    ready: bool
    message: str = ""
    predicate: str = ""


READY = Verdict(ready=True)


def check(predicates: Iterable[ReadyWhen], body: Body | None) -> Verdict:
    """The first predicate that ``body`` does not satisfy, or READY. None is an object that does not exist."""
    if body is None:
        return Verdict(ready=False, predicate="Exists", message="the object does not exist")
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
            raise GraphError("readyWhen type Expression is not supported by this version; use ConditionMatch")


def _deployment_available(body: Body) -> Verdict:
    """Available, and for the generation that the spec has now: the rollout of this very spec is complete.

    The rule is that of ``kubectl rollout status``: the controller has seen the generation, every replica is
    updated, none of an older template is left, and the updated ones are available.
    """
    predicate = "DeploymentAvailable"
    status = body.get("status") or {}
    if stale := _stale(body, status.get("observedGeneration")):
        return Verdict(ready=False, predicate=predicate, message=stale)
    wanted = body.get("spec", {}).get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return Verdict(ready=False, predicate=predicate, message=f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return Verdict(ready=False, predicate=predicate, message=f"{total - updated} old replicas still run")
    if available < updated:
        return Verdict(
            ready=False, predicate=predicate, message=f"{available} of {updated} replicas are available"
        )
    return _condition(body, type_="Available", wanted="True", predicate=predicate)


def _condition(body: Body, *, type_: str, wanted: str, predicate: str = "") -> Verdict:
    predicate = predicate or f"ConditionMatch {type_}={wanted}"
    status = body.get("status") or {}
    for condition in status.get("conditions") or ():  # a new CRD has null there
        if condition.get("type") != type_:
            continue
        observed = condition.get("observedGeneration", status.get("observedGeneration"))
        if stale := _stale(body, observed):
            return Verdict(ready=False, predicate=predicate, message=stale)
        if condition.get("status") == wanted:
            return READY
        said = condition.get("message") or condition.get("reason") or ""
        observed_status = f"condition {type_} is {condition.get('status')}"
        return Verdict(ready=False, predicate=predicate, message=observed_status + (f": {said}" if said else ""))
    return Verdict(ready=False, predicate=predicate, message=f"there is no condition {type_} yet")


def _stale(body: Body, observed: int | None) -> str:
    """Why a status is out of date, or nothing. An object whose status has no generation is taken as it is."""
    generation = body["metadata"].get("generation")
    if generation is None or observed is None or observed >= generation:
        return ""
    return f"its status is for generation {observed}, the object is at {generation}"
