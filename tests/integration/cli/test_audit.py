"""``fleet audit`` on real databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from fleet.audit import query
from fleet.audit.facts import Fact, Tag
from fleet.audit.log import AuditLog
from fleet.audit.query import Filter, Order
from fleet.cli import following, trail
from fleet.cli.trail import Result
from fleet.ids import ClusterName, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, Verb, Write, WriteOutcome
from fleet.store import schema
from fleet.store.database import Database
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result as Run

    from fleet.cli.trail import Operation

EVERYTHING = Filter()
START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def write(verb: Verb, *, cluster: str = "spoke-1", node: str = "deployment", name: str = "shop") -> Write:
    return Write(
        cluster=ClusterName(cluster),
        verb=verb,
        ref=ObjectRef(api_version="apps/v1", kind="Deployment", namespace="team-a", name=name),
        cause=Cause(
            reason="because",
            transform=TransformName("webservice"),
            instance=f"team-a/{name}",
            instance_kind="WebService",
            node=NodeId(node),
        ),
    )


class Clock:
    """A minute later, each time."""

    def __init__(self) -> None:
        self._at = START

    def __call__(self) -> datetime:
        self._at += timedelta(minutes=1)
        return self._at


async def tell(database_url: str) -> None:
    """One of everything: minutes 1 to 9."""
    await schema.upgrade(database_url)
    async with Database.open(database_url) as database, AuditLog(database, now=Clock()) as log:
        await log.record(
            Fact(tag=Tag.CLUSTER_REGISTERED, cause=Cause(reason="its file"), cluster=ClusterName("spoke-1"))
        )
        apply = write(Verb.APPLY)
        log.conclude(await log.intend(apply), apply, WriteOutcome(resource_version="7", duration_s=0.1))
        status = write(Verb.STATUS)
        log.conclude(await log.intend(status), status, WriteOutcome(duration_s=0.1))
        delete = write(Verb.DELETE, cluster="spoke-2", node="service")
        log.conclude(await log.intend(delete), delete, WriteOutcome(error="forbidden", duration_s=2.0))
        await log.intend(write(Verb.CREATE, name="cart"))
        await log.record(Fact(tag=Tag.GRAPH_COMPLETED, cause=Cause(reason="done"), cluster=ClusterName("spoke-2")))


@pytest.fixture
async def told(database_url: str) -> str:
    await tell(database_url)
    return database_url


async def read(
    url: str,
    *,
    where: Filter = EVERYTHING,
    limit: int = 50,
    order: Order = Order.OLDEST_FIRST,
    statuses: bool = False,
) -> tuple[Operation, ...]:
    async with Database.open(url) as database:
        return await trail.read(database, where=where, limit=limit, order=order, statuses=statuses)


def tags(operations: tuple[Operation, ...]) -> list[str]:
    return [each.entry.tag for each in operations]


STORY = [
    Tag.CLUSTER_REGISTERED,
    Tag.OBJECT_APPLY_OUTCOME,
    Tag.OBJECT_DELETE_OUTCOME,
    Tag.OBJECT_CREATE_INTENT,
    Tag.GRAPH_COMPLETED,
]


async def test_operations_stand_in_either_order_and_status_updates_only_when_asked_for(told: str) -> None:
    assert tags(await read(told)) == STORY
    assert tags(await read(told, order=Order.NEWEST_FIRST)) == STORY[::-1]
    assert Tag.STATUS_UPDATE_OUTCOME in tags(await read(told, statuses=True))


async def test_what_has_no_outcome_is_unfinished_and_nothing_else_is(told: str) -> None:
    for order in Order:
        results = {each.entry.tag: each.result for each in await read(told, order=order)}
        assert [tag for tag, result in results.items() if result is Result.UNFINISHED] == [
            Tag.OBJECT_CREATE_INTENT
        ]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_the_limit_counts_operations_and_does_not_cut_them_in_two(told: str, limit: int) -> None:
    assert tags(await read(told, limit=limit)) == STORY[:limit]
    assert tags(await read(told, limit=limit, order=Order.NEWEST_FIRST)) == STORY[::-1][:limit]


async def test_an_outcome_beyond_the_filter_is_found_all_the_same(told: str) -> None:
    intents = await read(told, where=Filter(tag="object:apply:intent"))
    assert [(each.entry.tag, each.result) for each in intents] == [(Tag.OBJECT_APPLY_OUTCOME, Result.DONE)]
    before_the_outcome = await read(told, where=Filter(until=START + timedelta(minutes=3)))
    assert tags(before_the_outcome) == [Tag.CLUSTER_REGISTERED, Tag.OBJECT_APPLY_OUTCOME]
    after_the_intent = await read(told, where=Filter(since=START + timedelta(minutes=3)))
    assert after_the_intent[0].result is Result.DONE


async def test_more_operations_than_a_page_has(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_PAGE", 2)
    assert tags(await read(told)) == STORY
    assert tags(await read(told, order=Order.NEWEST_FIRST)) == STORY[::-1]
    intents = await read(told, where=Filter(tag="object:apply:intent"))
    assert [each.result for each in intents] == [Result.DONE]


async def test_following_tells_each_operation_when_it_ends(told: str) -> None:
    seen: list[Operation] = []

    async def follow(database: Database, after: int) -> None:
        async for operation in following.follow(
            database, where=Filter(after=after), statuses=False, look_every_s=0.02, patience_s=0.1
        ):
            seen.append(operation)  # noqa: PERF401 - it has no end

    async with Database.open(told) as database, AuditLog(database) as log, asyncio.TaskGroup() as group:
        newest = await query.query(database, limit=1)
        task = group.create_task(follow(database, newest[0].id))
        apply, status = write(Verb.APPLY, name="new"), write(Verb.STATUS, name="new")
        first = await log.intend(apply)
        log.conclude(await log.intend(status), status, WriteOutcome(duration_s=0))
        # Still under way after a while: told as unfinished, and told again when it ends.
        await until_async(lambda: as_seen(seen), lambda told: told == [Result.UNFINISHED])
        log.conclude(first, apply, WriteOutcome(duration_s=1))
        await until_async(lambda: as_seen(seen), lambda told: told == [Result.UNFINISHED, Result.DONE])
        task.cancel()
    assert [each.entry.ref and each.entry.ref.name for each in seen] == ["new", "new"]


async def as_seen(seen: list[Operation]) -> list[Result]:
    return [each.result for each in seen]


# The command


@pytest.fixture
def log_url(sqlite_url: str) -> str:
    asyncio.run(tell(sqlite_url))
    return sqlite_url


def test_the_table(fleet: Callable[..., Run], log_url: str) -> None:
    run = fleet("audit", "--database", log_url, "--oldest")
    lines = run.output.splitlines()
    assert run.exit_code == 0
    assert lines[0].split() == ["WHEN", "(UTC)", "CLUSTER", "WHAT", "FOR", "WHY", "TOOK", "RESULT"]
    assert len(lines) == 1 + len(STORY)
    assert "apply Deployment team-a/shop" in lines[2]
    assert lines[2].endswith("100 ms  done")
    assert lines[3].endswith("2.0 s   failed: forbidden")
    assert lines[4].endswith("UNFINISHED")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--cluster", "spoke-2"], 2),
        (["--instance", "team-a/shop"], 2),
        (["--instance", "webservice/team-a/cart"], 1),
        (["--object", "deployment/shop"], 2),
        (["--node", "service"], 1),
        (["--transform", "webservice"], 3),
        (["--tag", "cluster"], 1),
        (["--failures"], 1),
        (["--since", "2026-05-01T12:09:00Z"], 1),
        (["--until", "2026-05-01T12:02:00Z"], 1),
        (["--limit", "3"], 3),
        (["--all"], 6),
    ],
)
def test_the_filters(fleet: Callable[..., Run], log_url: str, options: list[str], expected: int) -> None:
    run = fleet("audit", "--database", log_url, "-o", "json", *options)
    assert len(msgspec.json.decode(run.output)) == expected


def test_wide_has_the_operation(fleet: Callable[..., Run], log_url: str) -> None:
    assert "RESOURCE VERSION  OPERATION" in fleet("audit", "--database", log_url, "-o", "wide").output


def test_nothing_found_is_said_and_json_stays_json(fleet: Callable[..., Run], log_url: str) -> None:
    assert "has nothing that was asked for" in fleet("audit", "--database", log_url, "--cluster", "x").output
    assert fleet("audit", "--database", log_url, "--cluster", "x", "-o", "json").output == "[]\n"


def test_a_filter_that_cannot_be_understood_is_named(fleet: Callable[..., Run], log_url: str) -> None:
    run = fleet("audit", "--database", log_url, "--instance", "shop")
    assert run.exit_code == 2
    assert "Error: instance 'shop': write namespace/name or Kind/namespace/name\n" in run.output


def test_a_database_that_is_not_there_yet(fleet: Callable[..., Run], sqlite_url: str) -> None:
    run = fleet("audit", "--database", sqlite_url)
    assert run.exit_code == 1
    assert "`fleet hub` makes it when it first runs" in run.output


def test_following_has_no_end(fleet: Callable[..., Run], log_url: str) -> None:
    run = fleet("audit", "--database", log_url, "--follow", "--until", "1m")
    assert run.exit_code == 2
    assert "has no --until" in run.output
