"""The status of a ResourceGraph, from its run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fleet.apply.judging import now_s
from fleet.apply.run import NodePhase
from fleet.graph import blockers
from fleet.graph.model import Severity
from fleet.kube.conditions import MAX_MESSAGE, Condition, cut, merged, rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.apply.drift import Drift
    from fleet.apply.run import NodeState, Run
    from fleet.ids import NodeId


TEXT_OF_ALL_NODES = 200_000
"""Characters of messages that all nodes together may have: spec and status are one object in etcd."""

FEWEST, MOST = 80, 1_000
"""And those that one node's message has in any case, and at most; the whole text stands in the audit log."""

DRIFTS_OF_ALL_NODES = 500
DRIFTS_OF_ONE = 20


def of_run(run: Run, *, held: list[str], current: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The whole ``status`` of a graph that is executed; ``held`` says what keeps pruning from its end."""
    blocked = cut(blocker(run) or "; ".join(held), MAX_MESSAGE)
    phase = "Executing" if held else _phase(run)
    fresh = current.get("observedGeneration") != run.generation
    status: dict[str, Any] = {
        "phase": phase,
        "summary": f"{len(run.ready)}/{len(run.nodes) + len(run.spec.waiting)}",
        "observedGeneration": run.generation,
        "startedAt": rfc3339(run.started_at) if fresh else current.get("startedAt", rfc3339(run.started_at)),
        "nodes": _nodes(run),
        "conditions": _conditions(current, phase, blocked, generation=run.generation, now=now),
    }
    if phase == "Completed":
        known = None if fresh else current.get("completedAt")
        status["completedAt"] = known or rfc3339(now)
    if blocked:
        status["blockedBy"] = blocked
    return status


def of_failure(message: str, *, current: Mapping[str, Any], generation: int, now: datetime) -> dict[str, Any]:
    """The ``status`` of a graph that cannot be executed as it is; what is known of its nodes stays."""
    return {
        **{key: value for key, value in current.items() if key != "completedAt"},
        "phase": "Failed",
        "observedGeneration": generation,
        "blockedBy": message,
        "conditions": _conditions(current, "Failed", message, generation=generation, now=now),
    }


def of_teardown(
    messages: list[str], *, current: Mapping[str, Any], generation: int, now: datetime
) -> dict[str, Any]:
    """The ``status`` of a graph that is being torn down: what it waits for."""
    message = cut("; ".join(messages), MAX_MESSAGE)
    return {
        **{key: value for key, value in current.items() if key != "completedAt"},
        "phase": "Executing",
        "blockedBy": message,
        "conditions": _conditions(current, "TearingDown", message, generation=generation, now=now),
    }


def blocker(run: Run) -> str:
    """The first blocker chain, in words: the node that is not ready, why, and who waits for it."""
    if errors := [each for each in run.spec.violations if each.severity is Severity.ERROR]:
        first = errors[0]
        return f"the module refuses the instance: {first.path + ': ' if first.path else ''}{first.message}"
    if found := blockers.first(run.needs, run.ready):
        state = run.states[found.node]
        why = state.message or state.last_error or state.phase
        return f"node {found.node} ({state.ref.kind} {state.ref.name}): {why}" + (
            f"; behind it: {', '.join(found.behind)}" if found.behind else ""
        )
    if run.spec.waiting:
        first_waiting = run.spec.waiting[0]
        return f"node {first_waiting.node}: waits for values of {', '.join(first_waiting.paths) or 'other nodes'}"
    return ""


def _phase(run: Run) -> str:
    if any(each.severity is Severity.ERROR for each in run.spec.violations):
        return "Failed"
    if any(state.phase is NodePhase.ERROR for state in run.states.values()):
        return "Failed"
    return "Completed" if run.complete else "Executing"


def _nodes(run: Run) -> dict[NodeId, dict[str, Any]]:
    """Every node, in as many words as so many nodes leave room for."""
    longest = min(max(TEXT_OF_ALL_NODES // (2 * max(len(run.states), 1)), FEWEST), MOST)
    told: dict[NodeId, dict[str, Any]] = {}
    left = DRIFTS_OF_ALL_NODES
    for node, state in run.states.items():
        drift = state.drift[: min(left, DRIFTS_OF_ONE)]
        left -= len(drift)
        told[node] = _node(state, drift, longest=longest)
    return told


def _node(state: NodeState, drift: tuple[Drift, ...], *, longest: int) -> dict[str, Any]:
    ref = state.ref
    told: dict[str, Any] = {
        "phase": state.phase.value,
        "message": cut(state.message, longest),
        "lastError": cut(state.last_error, longest),
        "attempts": state.attempts,
        "appliedAt": rfc3339(state.applied_at) if state.applied_at else None,
        "readyAt": rfc3339(state.ready_at) if state.ready_at else None,
        "since": rfc3339(state.since),
        "nextRetryAt": _in_wall_time(state.retry_at),
        "drift": [_drift(each) for each in drift],
        "resourceRef": {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
        }
        | ({"uid": state.uid} if state.uid else {}),
    }
    return {key: value for key, value in told.items() if value not in (None, "", 0, [])}


def _drift(drift: Drift) -> dict[str, str]:
    return {
        "path": drift.path,
        "wanted": drift.wanted,
        "found": drift.found,
        "manager": drift.manager,
        "firstSeen": rfc3339(drift.first_seen),
    }


def _in_wall_time(at: float | None) -> str | None:
    """A time of the event loop as people read it."""
    if at is None:
        return None
    return rfc3339(datetime.now(UTC) + timedelta(seconds=at - now_s()))


def _conditions(
    current: Mapping[str, Any], phase: str, message: str, *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    holds = phase == "Completed"
    ready = Condition(type="Ready", holds=holds, reason=phase, message="" if holds else message)
    return merged(current.get("conditions", ()), [ready], generation=generation, now=now)
