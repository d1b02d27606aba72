"""The status of an instance, from its render and its graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fleet.kube.conditions import Condition, merged
from fleet.transforms.crd import RESERVED_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fleet.kube.objects import LiveObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a render came to: ``error`` where it failed, else what the module projects.

    ``trouble`` is what keeps it from coming to anything for now.
    """

    error: str | None = None
    error_reason: str = ""
    trouble: str = ""
    projected: Mapping[str, Any] | None = None
    suspended: bool = False


def build(
    instance: LiveObject,
    graph: LiveObject | None,
    outcome: Outcome,
    *,
    graph_status: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """The whole ``status`` of an instance. A failed render keeps what the module projected last.

    ``graph_status`` is the status of ``graph``, empty where there is none.
    """
    current = instance.body.get("status", {})
    rendered, applied, ready = _conditions(graph, graph_status, outcome)
    projected = outcome.projected
    if projected is None:
        projected = {key: value for key, value in current.items() if key not in RESERVED_STATUS}
    status: dict[str, Any] = {
        **{key: value for key, value in projected.items() if key not in RESERVED_STATUS},
        "phase": _phase(graph, graph_status, outcome),
        "observedGeneration": instance.meta.generation,
        "conditions": merged(
            current.get("conditions", ()),
            [rendered, applied, ready],
            generation=instance.meta.generation,
            now=now,
        ),
    }
    if graph is not None:
        status["graph"] = graph.meta.name
    if blocked := (outcome.error or outcome.trouble or graph_status.get("blockedBy")):
        status["blockedBy"] = blocked
    return status


def _conditions(
    graph: LiveObject | None, graph_status: Mapping[str, Any], outcome: Outcome
) -> tuple[Condition, Condition, Condition]:
    if outcome.error is not None:
        rendered = Condition(type="Rendered", holds=False, reason=outcome.error_reason, message=outcome.error)
    else:
        rendered = Condition(type="Rendered", holds=True, reason="Rendered")
    current = graph is not None and graph_status.get("observedGeneration") == graph.meta.generation
    nodes = graph_status.get("nodes", {}).values()
    blocked = graph_status.get("blockedBy", "")
    if current and all(node["phase"] in {"WaitingReady", "Ready", "Adopted"} for node in nodes):
        applied = Condition(type="Applied", holds=True, reason="Applied")
    else:
        reason = "Failed" if graph_status.get("phase") == "Failed" else "InProgress"
        applied = Condition(type="Applied", holds=False, reason=reason, message=blocked)
    if outcome.error is not None:
        ready = Condition(type="Ready", holds=False, reason=outcome.error_reason, message=outcome.error)
    elif current and graph_status.get("phase") == "Completed":
        ready = Condition(type="Ready", holds=True, reason="Ready")
    else:
        reason = "Failed" if graph_status.get("phase") == "Failed" else "InProgress"
        ready = Condition(type="Ready", holds=False, reason=reason, message=blocked)
    return rendered, applied, ready


def _phase(graph: LiveObject | None, graph_status: Mapping[str, Any], outcome: Outcome) -> str:
    if outcome.error is not None:
        return "Failed"
    if outcome.suspended:
        return "Suspended"
    if graph is None or graph_status.get("observedGeneration") != graph.meta.generation:
        return "Progressing" if graph_status else "Pending"
    phase: str = graph_status.get("phase", "Pending")
    return {"Completed": "Ready", "Executing": "Progressing"}.get(phase, phase)
