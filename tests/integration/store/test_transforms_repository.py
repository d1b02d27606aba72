"""The transforms room's memory, on real databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fleet.ids import ClusterName, ModuleDigest, TransformName
from fleet.kube.resources import ResourceType
from fleet.registry import selection
from fleet.store.errors import DatabaseRejected
from fleet.transforms.repository import (
    Draft,
    RolloutCounts,
    RolloutState,
    SchemaIssue,
    TransformRepository,
)

if TYPE_CHECKING:
    from fleet.store.database import Database

START = datetime(2026, 5, 1, tzinfo=UTC)
WEBSERVICE, QUEUE = TransformName("webservice"), TransformName("queue")
SPOKE_1, SPOKE_2, SPOKE_3 = map(ClusterName, ("spoke-1", "spoke-2", "spoke-3"))
DRAFT = Draft(
    module_digest=ModuleDigest("sha256:1"),
    files={"webservice.cue": "package webservice\n", "cue.mod/module.cue": 'module: "a.b"\n'},
    resource=ResourceType(group="apps.mycompany.com", version="v1alpha1", kind="WebService", plural="webservices"),
    crd={"metadata": {"name": "webservices.apps.mycompany.com"}, "spec": {"minimum": 1, "step": 0.5, "x": None}},
    schema_issues=(SchemaIssue(path="spec.mode", reason="a struct union"),),
    placement=selection.parse({"matchLabels": {"tier": "prod"}}, field="placement"),
)
CHANGED = replace(DRAFT, module_digest=ModuleDigest("sha256:2"))


class Clock:
    """One second later each time."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def transforms(database: Database) -> TransformRepository:
    """The repository, with a clock that can be foretold."""
    return TransformRepository(database, now=Clock())


async def test_the_first_revision_comes_back_as_it_was_recorded(transforms: TransformRepository) -> None:
    recorded = await transforms.record_revision(WEBSERVICE, draft=DRAFT)

    assert (recorded.transform, recorded.number) == (WEBSERVICE, 1)
    assert recorded.module_digest == DRAFT.module_digest
    assert recorded.files == DRAFT.files
    assert recorded.resource == DRAFT.resource
    assert recorded.crd == DRAFT.crd
    assert recorded.schema_issues == DRAFT.schema_issues
    assert recorded.placement == DRAFT.placement
    assert recorded.created_at == START + timedelta(seconds=1)
    assert recorded.withdrawn_at is None
    assert await transforms.latest(WEBSERVICE) == recorded


async def test_the_same_module_and_crd_are_the_same_revision(transforms: TransformRepository) -> None:
    first = await transforms.record_revision(WEBSERVICE, draft=DRAFT)

    assert await transforms.record_revision(WEBSERVICE, draft=DRAFT) == first


@pytest.mark.parametrize(
    "draft", [CHANGED, replace(DRAFT, crd={"spec": {}})], ids=["another module", "another CRD"]
)
async def test_another_module_or_crd_is_the_next_revision(transforms: TransformRepository, draft: Draft) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)

    assert (await transforms.record_revision(WEBSERVICE, draft=draft)).number == 2


async def test_going_back_to_an_earlier_module_is_a_new_revision(transforms: TransformRepository) -> None:
    for draft in (DRAFT, CHANGED, DRAFT):
        revision = await transforms.record_revision(WEBSERVICE, draft=draft)

    assert revision.number == 3
    earlier = await transforms.revision(WEBSERVICE, number=2)
    assert earlier is not None
    assert earlier.module_digest == "sha256:2"


async def test_placement_origin_and_issues_change_without_a_new_revision(transforms: TransformRepository) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)
    moved = replace(DRAFT, placement=selection.EVERYTHING, schema_issues=(), origin="a repository at a commit")

    revision = await transforms.record_revision(WEBSERVICE, draft=moved)

    assert revision.number == 1
    assert await transforms.latest(WEBSERVICE) == revision
    assert revision.placement == selection.EVERYTHING
    assert revision.schema_issues == ()
    assert revision.origin == "a repository at a commit"


async def test_revisions_recorded_at_once_each_get_their_own_number(transforms: TransformRepository) -> None:
    drafts = [replace(DRAFT, module_digest=ModuleDigest(f"sha256:{n}")) for n in range(20)]

    revisions = await asyncio.gather(*(transforms.record_revision(WEBSERVICE, draft=draft) for draft in drafts))

    assert sorted(revision.number for revision in revisions) == list(range(1, 21))


async def test_all_latest_has_one_revision_of_every_transform_in_force(transforms: TransformRepository) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)
    newest = await transforms.record_revision(WEBSERVICE, draft=CHANGED)
    queue = await transforms.record_revision(QUEUE, draft=DRAFT)
    await transforms.record_revision(TransformName("gone"), draft=DRAFT)
    await transforms.forget(TransformName("gone"))

    assert await transforms.all_latest() == (queue, newest)


async def test_a_forgotten_transform_has_a_history_and_nothing_in_force(transforms: TransformRepository) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_1, revision=1, state=RolloutState.READY)

    await transforms.forget(WEBSERVICE)

    assert await transforms.latest(WEBSERVICE) is None
    assert await transforms.rollout_counts(WEBSERVICE) == RolloutCounts(selected=0, ready=0, failed=0)
    kept = await transforms.revision(WEBSERVICE, number=1)
    assert kept is not None
    assert kept.withdrawn_at == START + timedelta(seconds=3)
    assert [rollout.state for rollout in await transforms.rollouts(WEBSERVICE)] == [RolloutState.WITHDRAWN]


async def test_a_transform_that_comes_back_unchanged_keeps_its_number(transforms: TransformRepository) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)
    await transforms.forget(WEBSERVICE)

    back = await transforms.record_revision(WEBSERVICE, draft=DRAFT)

    assert (back.number, back.withdrawn_at) == (1, None)
    assert await transforms.latest(WEBSERVICE) == back


async def test_a_rollout_is_what_was_said_last(transforms: TransformRepository) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_2, revision=1, state=RolloutState.PENDING)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_1, revision=1, state=RolloutState.READY)
    await transforms.set_rollout(
        WEBSERVICE, cluster=SPOKE_2, revision=1, state=RolloutState.FAILED, reason="forbidden"
    )

    first, second = await transforms.rollouts(WEBSERVICE)

    assert (first.cluster, first.state, first.reason) == (SPOKE_1, RolloutState.READY, None)
    assert (second.cluster, second.state, second.reason) == (SPOKE_2, RolloutState.FAILED, "forbidden")
    assert second.updated_at == START + timedelta(seconds=4)


async def test_counts_take_only_the_latest_revision_for_ready(transforms: TransformRepository) -> None:
    await transforms.record_revision(WEBSERVICE, draft=DRAFT)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_1, revision=1, state=RolloutState.READY)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_2, revision=1, state=RolloutState.READY)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_3, revision=1, state=RolloutState.WITHDRAWN)
    assert await transforms.rollout_counts(WEBSERVICE) == RolloutCounts(selected=2, ready=2, failed=0)

    await transforms.record_revision(WEBSERVICE, draft=CHANGED)
    await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_2, revision=2, state=RolloutState.FAILED)

    assert await transforms.rollout_counts(WEBSERVICE) == RolloutCounts(selected=2, ready=0, failed=1)


async def test_a_rollout_needs_a_recorded_revision(transforms: TransformRepository) -> None:
    with pytest.raises(DatabaseRejected):
        await transforms.set_rollout(WEBSERVICE, cluster=SPOKE_1, revision=1, state=RolloutState.PENDING)
