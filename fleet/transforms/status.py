"""The status of a Transform, from how far its reconciliation came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fleet.kube.conditions import Condition, merged
from fleet.transforms.repository import RolloutState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fleet.ids import ClusterName
    from fleet.transforms.catalog import Active
    from fleet.transforms.repository import Revision, Rollout, RolloutCounts

MAX_SCHEMA_ISSUES = 50
"""More are in SQL and in ``fleet module schema``; a status must stay small."""


class Step(StrEnum):
    """The conditions of a Transform, in the order in which they come true."""

    MODULE_LOADED = "ModuleLoaded"
    SCHEMA_EXTRACTED = "SchemaExtracted"
    CRD_GENERATED = "CRDGenerated"
    CRD_ROLLED_OUT = "CRDRolledOut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was reached: each step's condition, and what is known by then."""

    steps: Mapping[Step, Condition] = field(default_factory=dict)
    revision: Revision | None = None
    counts: RolloutCounts | None = None

    def reached(self, step: Step, message: str = "") -> Progress:
        """The same, with ``step`` done."""
        return self._with(step, Condition(type=step, holds=True, reason="Done", message=message))

    def failed(self, step: Step, reason: str, message: str) -> Progress:
        """The same, with ``step`` failed."""
        return self._with(step, Condition(type=step, holds=False, reason=reason, message=message))

    def pending(self, step: Step, reason: str, message: str) -> Progress:
        """The same, with ``step`` not decided yet."""
        return self._with(step, Condition(type=step, holds=None, reason=reason, message=message))

    def _with(self, step: Step, condition: Condition) -> Progress:
        return replace(self, steps={**self.steps, step: condition})


def rolled_out(
    progress: Progress,
    rollouts: tuple[Rollout, ...],
    counts: RolloutCounts,
    *,
    suspended: frozenset[ClusterName] = frozenset(),
) -> Progress:
    """Judge the rollout by what the spokes reported; a ``suspended`` one does not until it is not any more."""
    progress = replace(progress, counts=counts)
    failed = [each for each in rollouts if each.state is RolloutState.FAILED]
    if failed:
        told = "; ".join(f"{each.cluster}: {each.reason}" for each in failed[:3])
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""  # noqa: PLR2004 - as many as are told
        return progress.failed(Step.CRD_ROLLED_OUT, "RolloutFailed", told + more)
    if counts.selected == 0:
        return progress.reached(Step.CRD_ROLLED_OUT, "no registered spoke is selected")
    if counts.ready < counts.selected:
        told = "; ".join(_late(rollouts, progress.revision, suspended)[:3])
        message = f"{counts.ready} of {counts.selected} clusters are ready" + (f" ({told})" if told else "")
        return progress.pending(Step.CRD_ROLLED_OUT, "RollingOut", message)
    told = "".join(
        f"; {each.cluster}: {each.reason}" for each in rollouts if each.state is RolloutState.READY and each.reason
    )
    return progress.reached(Step.CRD_ROLLED_OUT, f"ready on all {counts.selected} selected clusters{told}")


def _late(rollouts: tuple[Rollout, ...], latest: Revision | None, suspended: frozenset[ClusterName]) -> list[str]:
    """The clusters that are not there yet, and those that still have an earlier revision."""
    late = []
    for each in rollouts:
        why = ", and the cluster is suspended" if each.cluster in suspended else ""
        if each.state is RolloutState.PENDING:
            late.append(f"{each.cluster}: {each.reason or 'not there yet'}{why}")
        elif each.state is RolloutState.READY and latest is not None and each.revision < latest.number:
            late.append(f"{each.cluster}: still at revision {each.revision}{why}")
    return late


def render(
    progress: Progress,
    *,
    active: Active | None,
    current: Mapping[str, Any],
    generation: int,
    now: datetime,
) -> dict[str, Any]:
    """The whole ``status``. ``active`` is the last good revision, which stays in force when a newer one fails."""
    bad = next((step for step in progress.steps.values() if step.holds is False), None)
    complete = len(progress.steps) == len(Step) and all(step.holds for step in progress.steps.values())
    if bad:
        ready = Condition(type="Ready", holds=False, reason=bad.reason, message=bad.message)
    elif complete:
        ready = Condition(
            type="Ready", holds=True, reason="Ready", message=progress.steps[Step.CRD_ROLLED_OUT].message
        )
    else:
        message = next((step.message for step in progress.steps.values() if step.holds is None), "")
        ready = Condition(type="Ready", holds=False, reason="InProgress", message=message)
    conditions = [progress.steps.get(step, Condition(type=step, holds=None, reason="NotReached")) for step in Step]
    status: dict[str, Any] = {
        "phase": "Failed" if bad else "Ready" if complete else "Generating",
        "observedGeneration": generation,
        "conditions": merged(current.get("conditions", ()), [*conditions, ready], generation=generation, now=now),
    }
    if active is not None:
        status["generatedCRD"] = {
            "apiVersion": active.resource.api_version,
            "kind": active.resource.kind,
            "name": active.crd_name,
            "plural": active.resource.plural,
        }
        status["revision"] = {"number": active.revision, "moduleDigest": active.module.digest}
    if progress.revision is not None:
        status["schemaIssues"] = [
            {"path": issue.path, "reason": issue.reason}
            for issue in progress.revision.schema_issues[:MAX_SCHEMA_ISSUES]
        ]
    if progress.counts is not None:
        counts = progress.counts
        status["clusters"] = {
            "selected": counts.selected,
            "ready": counts.ready,
            "failed": counts.failed,
            "summary": f"{counts.ready}/{counts.selected}",
        }
    return status
