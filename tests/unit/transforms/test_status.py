from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fleet.ids import ClusterName, ModuleDigest, TransformName
from fleet.kube.resources import ResourceType
from fleet.registry import selection
from fleet.transforms import status as statuses
from fleet.transforms.repository import Revision, Rollout, RolloutCounts, RolloutState
from fleet.transforms.spec import STRICTEST
from fleet.transforms.status import Progress, Step

NOW = datetime(2030, 1, 1, tzinfo=UTC)


REVISION = Revision(
    transform=TransformName("web"),
    number=2,
    module_digest=ModuleDigest("sha256:2"),
    origin=None,
    files={},
    resource=ResourceType(group="example.com", version="v1", kind="Web", plural="webs"),
    crd={},
    schema_issues=(),
    placement=selection.EVERYTHING,
    policy=STRICTEST,
    created_at=NOW,
    withdrawn_at=None,
)


def rollout(cluster: str, state: RolloutState, reason: str | None = None, *, revision: int = 2) -> Rollout:
    return Rollout(
        transform=TransformName("web"),
        cluster=ClusterName(cluster),
        revision=revision,
        state=state,
        reason=reason,
        updated_at=NOW,
    )


def reached(*steps: Step) -> Progress:
    progress = Progress()
    for step in steps:
        progress = progress.reached(step)
    return progress


def rendered(progress: Progress) -> dict[str, Any]:
    return statuses.render(progress, active=None, current={}, generation=4, now=NOW)


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["message"]) for each in status["conditions"]}


def test_the_first_step_that_failed_is_what_ready_says() -> None:
    progress = reached(Step.MODULE_LOADED).failed(Step.SCHEMA_EXTRACTED, "ModuleError", "web.cue:3:1: no #Input")
    status = rendered(progress)

    assert (status["phase"], status["observedGeneration"]) == ("Failed", 4)
    told = conditions(status)
    assert told["ModuleLoaded"][0] == "True"
    assert told["SchemaExtracted"] == told["Ready"] == ("False", "web.cue:3:1: no #Input")
    assert told["CRDGenerated"][0] == told["CRDRolledOut"][0] == "Unknown"


def test_a_rollout_under_way_names_who_is_late() -> None:
    before = reached(Step.MODULE_LOADED, Step.SCHEMA_EXTRACTED, Step.CRD_GENERATED)
    rollouts = (rollout("eu", RolloutState.READY), rollout("us", RolloutState.PENDING, "unreachable"))
    progress = statuses.rolled_out(before, rollouts, RolloutCounts(selected=2, ready=1, failed=0))
    status = rendered(progress)

    assert status["phase"] == "Generating"
    assert conditions(status)["Ready"] == ("False", "1 of 2 clusters are ready (us: unreachable)")
    assert status["clusters"] == {"selected": 2, "ready": 1, "failed": 0, "summary": "1/2"}


def test_a_cluster_that_has_an_earlier_revision_is_named() -> None:
    rollouts = (rollout("eu", RolloutState.READY), rollout("us", RolloutState.READY, revision=1))
    counts = RolloutCounts(selected=2, ready=1, failed=0)
    progress = statuses.rolled_out(Progress(revision=REVISION), rollouts, counts)

    message = progress.steps[Step.CRD_ROLLED_OUT].message
    assert message == "1 of 2 clusters are ready (us: still at revision 1)"

    suspended = frozenset({ClusterName("us")})
    progress = statuses.rolled_out(Progress(revision=REVISION), rollouts, counts, suspended=suspended)
    message = progress.steps[Step.CRD_ROLLED_OUT].message
    assert message == "1 of 2 clusters are ready (us: still at revision 1, and the cluster is suspended)"


def test_what_is_not_as_wanted_on_a_ready_cluster_is_told() -> None:
    rollouts = (rollout("eu", RolloutState.READY), rollout("us", RolloutState.READY, "short name taken"))
    counts = RolloutCounts(selected=2, ready=2, failed=0)
    told = statuses.rolled_out(Progress(revision=REVISION), rollouts, counts).steps[Step.CRD_ROLLED_OUT]

    assert (told.holds, told.message) == (True, "ready on all 2 selected clusters; us: short name taken")


def test_of_many_failures_three_are_told() -> None:
    rollouts = tuple(rollout(f"c{number}", RolloutState.FAILED, "forbidden") for number in range(5))
    progress = statuses.rolled_out(Progress(), rollouts, RolloutCounts(selected=5, ready=0, failed=5))

    message = progress.steps[Step.CRD_ROLLED_OUT].message
    assert message == "c0: forbidden; c1: forbidden; c2: forbidden; and 2 more"


def test_ready_when_every_step_is() -> None:
    before = reached(Step.MODULE_LOADED, Step.SCHEMA_EXTRACTED, Step.CRD_GENERATED)
    everywhere = statuses.rolled_out(
        before, (rollout("eu", RolloutState.READY),), RolloutCounts(selected=1, ready=1, failed=0)
    )
    nowhere = statuses.rolled_out(before, (), RolloutCounts(selected=0, ready=0, failed=0))

    assert rendered(everywhere)["phase"] == rendered(nowhere)["phase"] == "Ready"
    assert conditions(rendered(nowhere))["Ready"] == ("True", "no registered spoke is selected")
