"""``fleet transforms`` on a database that a hub could have left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from fleet.ids import ClusterName, ModuleDigest, TransformName
from fleet.kube.resources import ResourceType
from fleet.registry import selection
from fleet.store import schema
from fleet.store.database import Database
from fleet.transforms.repository import Draft, RolloutState, SchemaIssue, TransformRepository

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result as Run

NAME = TransformName("webservice")


def draft(number: int) -> Draft:
    return Draft(
        module_digest=ModuleDigest(f"sha256:{number}{'0' * 63}"),
        origin=f"https://git.example.com/web.git at {number}{'0' * 39}",
        files={"module.cue": "package webservice"},
        resource=ResourceType(group="apps.example.com", version="v1", kind="WebService", plural="webservices"),
        crd={"metadata": {"name": "webservices.apps.example.com"}},
        schema_issues=(SchemaIssue(path="spec.port", reason="a bound that depends on another field"),),
        placement=selection.parse({"matchLabels": {"region": "eu"}}, field="placement"),
    )


async def roll_out(url: str) -> None:
    await schema.upgrade(url)
    async with Database.open(url) as database:
        repository = TransformRepository(database)
        for number in (1, 2):
            await repository.record_revision(NAME, draft=draft(number))
        for cluster, state, reason in (
            ("one", RolloutState.READY, None),
            ("two", RolloutState.FAILED, "a CRD that is not ours"),
        ):
            await repository.set_rollout(
                NAME, cluster=ClusterName(cluster), revision=2, state=state, reason=reason
            )


async def forget(url: str) -> None:
    async with Database.open(url) as database:
        await TransformRepository(database).forget(NAME)


@pytest.fixture
def url(database_url: str) -> str:
    asyncio.run(roll_out(database_url))
    return database_url


def test_the_list(fleet: Callable[..., Run], url: str) -> None:
    heading, line = fleet("transforms", "--database", url).output.splitlines()
    assert heading.split()[:6] == ["TRANSFORM", "KIND", "REVISION", "SELECTED", "READY", "FAILED"]
    assert line.split()[:8] == ["webservice", "WebService", "(apps.example.com/v1)", "2", "2", "1", "1", "1"]


def test_the_list_for_machines(fleet: Callable[..., Run], url: str) -> None:
    [found] = msgspec.json.decode(fleet("transforms", "-o", "json", "--database", url).output)
    assert found["clusters"] == {"selected": 2, "ready": 1, "failed": 1}
    assert (found["revision"], found["crd"]) == (2, "webservices.apps.example.com")


def test_one_transform_has_rollouts_issues_and_history(fleet: Callable[..., Run], url: str) -> None:
    output = fleet("transforms", "show", NAME, "--database", url).output
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "one Ready 2 0s" in lines
    assert "two Failed 2 0s a CRD that is not ours" in lines
    assert "spec.port a bound that depends on another field" in lines
    revisions = lines[lines.index("Revisions") + 2 :]
    assert [line.split()[0] for line in revisions] == ["2", "1"]
    assert f"Origin: https://git.example.com/web.git at 2{'0' * 39}" in lines
    document = msgspec.json.decode(fleet("transforms", "show", NAME, "-o", "json", "--database", url).output)
    assert [each["revision"] for each in document["revisions"]] == [2, 1]
    assert [each["origin"][-40] for each in document["revisions"]] == ["2", "1"]
    assert [each["state"] for each in document["rollouts"]] == ["Ready", "Failed"]


def test_a_transform_that_is_gone_keeps_its_history(fleet: Callable[..., Run], url: str) -> None:
    asyncio.run(forget(url))
    assert fleet("transforms", "--database", url).output.startswith("No Transform has a revision")
    assert "Withdrawn:" in fleet("transforms", "show", NAME, "--database", url).output


def test_a_transform_that_nobody_knows(fleet: Callable[..., Run], url: str) -> None:
    run = fleet("transforms", "show", "teapot", "--database", url)
    assert run.exit_code == 1
    assert "no Transform teapot ever had a revision" in run.output
