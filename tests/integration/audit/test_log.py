"""The audit log on real databases."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from fleet.audit.facts import Fact, Tag, intent_row, outcome_row
from fleet.audit.group import AuditUnavailable
from fleet.audit.log import AuditLog
from fleet.audit.query import Order, query, unfinished
from fleet.ids import ClusterName, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, OperationId, Verb, Write, WriteLog, WriteOutcome
from fleet.store import database as database_module
from fleet.store import schema
from fleet.store.database import Database
from fleet.store.errors import DatabaseRejected, SchemaError
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.audit.query import AuditEntry

SPOKE = ClusterName("spoke-1")


def write(name: str = "shop") -> Write:
    return Write(
        cluster=SPOKE,
        verb=Verb.APPLY,
        ref=ObjectRef(api_version="apps/v1", kind="Deployment", namespace="team-a", name=name),
        cause=Cause(reason="not applied yet", transform=TransformName("webservice"), node=NodeId("deployment")),
    )


async def oldest_first(database: Database) -> tuple[AuditEntry, ...]:
    return await query(database, order=Order.OLDEST_FIRST, limit=10_000)


async def test_an_intent_is_in_the_log_when_the_call_returns(database: Database) -> None:
    async with AuditLog(database) as log:
        operation = await log.intend(write())

        (entry,) = await oldest_first(database)

    assert (entry.operation, entry.tag, entry.cluster) == (operation, "object:apply:intent", "spoke-1")
    assert entry.ref == write().ref
    assert entry.reason == "not applied yet"


async def test_an_outcome_follows_soon_and_has_the_operation_of_its_intent(database: Database) -> None:
    async with AuditLog(database) as log:
        operation = await log.intend(write())
        log.conclude(operation, write(), WriteOutcome(resource_version="42", duration_s=0.5))

        _, outcome = await until_async(lambda: oldest_first(database), lambda entries: len(entries) == 2)

    assert (outcome.operation, outcome.tag) == (operation, "object:apply:outcome")
    assert (outcome.resource_version, outcome.duration_ms, outcome.error) == ("42", 500.0, None)


async def test_many_writers_at_once_each_get_their_own_operation_and_lose_nothing(database: Database) -> None:
    async def write_some(log: WriteLog, writer: int) -> None:
        for n in range(10):
            this = write(f"{writer}-{n}")
            log.conclude(await log.intend(this), this, WriteOutcome(duration_s=0.01))

    async with AuditLog(database) as log:
        await asyncio.gather(*(write_some(log, writer) for writer in range(64)))

    entries = await oldest_first(database)
    assert len(entries) == 2 * 64 * 10
    assert len({entry.operation for entry in entries}) == 64 * 10
    assert await unfinished(database, cluster=SPOKE) == ()


async def test_a_decision_is_recorded_with_its_detail(database: Database) -> None:
    fact = Fact(
        tag=Tag.CLUSTER_HEALTH_CHANGED,
        cause=Cause(reason="connection refused"),
        cluster=SPOKE,
        error="unreachable",
        detail={"was": {"reachable": True}, "attempts": 3},
    )
    async with AuditLog(database) as log:
        await log.record(fact)

    (entry,) = await oldest_first(database)
    assert (entry.tag, entry.error, entry.ref) == ("cluster:health:changed", "unreachable", None)
    assert entry.detail == {"was": {"reachable": True}, "attempts": 3}


async def test_an_intent_cancelled_on_its_way_is_concluded_as_not_sent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    committing = asyncio.Event()
    insert = AuditLog._insert

    async def insert_slowly(log: AuditLog, rows: list[dict[str, object]]) -> None:
        committing.set()
        await insert(log, rows)

    monkeypatch.setattr(AuditLog, "_insert", insert_slowly)
    async with AuditLog(database) as log:
        call = asyncio.create_task(log.intend(write()))
        await committing.wait()
        call.cancel()
        await asyncio.wait([call])

    intent, outcome = await oldest_first(database)
    assert outcome.operation == intent.operation
    assert outcome.error == "cancelled before it was sent"


async def test_a_group_that_is_written_again_stands_once_in_the_log(database: Database) -> None:
    async with AuditLog(database) as log:
        operation = await log.intend(write())
        rows = [
            outcome_row(write(), outcome=WriteOutcome(duration_s=0), operation=operation, at=entry.at)
            for entry in await oldest_first(database)
        ]
        await log._insert(rows)
        await log._insert([*rows, intent_row(write(), operation=OperationId("new"), at=rows[0]["at"])])

    assert [entry.operation for entry in await oldest_first(database)] == [operation, operation, "new"]


async def test_other_peoples_odd_text_is_no_obstacle(database: Database) -> None:
    async with AuditLog(database) as log:
        log.conclude(await log.intend(write()), write(), WriteOutcome(error="nul \0 and \ud800", duration_s=0))

    assert [entry.error for entry in await oldest_first(database)] == [None, "nul \ufffd and ?"]


async def test_while_the_database_is_locked_nothing_may_be_done_and_outcomes_are_kept(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.05)
    await schema.upgrade(sqlite_url)
    async with Database.open(sqlite_url) as database, AuditLog(database) as log:
        operation = await log.intend(write())
        other = sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        log.conclude(operation, write(), WriteOutcome(duration_s=0.5))
        with pytest.raises(AuditUnavailable, match="locked"):
            await log.intend(write("second"))

        other.close()

        entries = await until_async(lambda: oldest_first(database), lambda found: len(found) == 2)
        assert [entry.tag for entry in entries] == ["object:apply:intent", "object:apply:outcome"]


async def test_a_server_that_went_and_came_back_is_used_again(postgres_url: str) -> None:
    await schema.upgrade(postgres_url)
    async with Database.open(postgres_url) as database, AuditLog(database) as log:
        operation = await log.intend(write())
        async with database.writing() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

        log.conclude(operation, write(), WriteOutcome(duration_s=0.5))
        await log.intend(write("second"))

        assert len(await oldest_first(database)) == 3


async def test_without_tables_nothing_may_be_done(database_url: str) -> None:
    async with Database.open(database_url) as database, AuditLog(database) as log:
        with pytest.raises(SchemaError, match="fleet db upgrade"):
            await log.intend(write())


async def test_a_closed_log_takes_nothing(database: Database) -> None:
    async with AuditLog(database) as log:
        pass

    with pytest.raises(AuditUnavailable, match="closed"):
        await log.intend(write())


async def test_leaving_by_cancellation_still_writes_what_is_queued(database: Database) -> None:
    ready = asyncio.Event()

    async def hub() -> None:
        async with AuditLog(database) as log:
            log.conclude(await log.intend(write()), write(), WriteOutcome(duration_s=0.5))
            ready.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hub())
    await ready.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert len(await oldest_first(database)) == 2


async def test_a_writer_that_breaks_takes_the_hub_down_instead_of_letting_it_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async def hub() -> None:
        async with AuditLog(database) as log:
            with pytest.raises(AuditUnavailable):
                await log.intend(write())
            await asyncio.Event().wait()

    monkeypatch.setattr(AuditLog, "_insert", broken)
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(hub(), timeout=10)

    assert [str(error) for error in failure.value.exceptions] == ["a bug"]


KILLED = """
import asyncio, sys
from fleet.audit.log import AuditLog
from fleet.store.database import Database
from tests.integration.audit.test_log import write

async def main(url):
    async with Database.open(url) as database, AuditLog(database) as log:
        async def intend_for_ever():
            while True:
                print(await log.intend(write()), flush=True)
        await asyncio.gather(*(intend_for_ever() for _ in range(8)))

asyncio.run(main(sys.argv[1]))
"""


async def test_every_intent_that_was_confirmed_survives_sigkill(database: Database, database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, database_url), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    confirmed = [await asyncio.wait_for(process.stdout.readline(), timeout=30) for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    confirmed += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()

    found = {entry.operation for entry in await unfinished(database, cluster=SPOKE)}
    whole_lines = {line.decode().strip() for line in confirmed if line.endswith(b"\n")}
    assert whole_lines <= found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET error = NULL",
        "DELETE FROM audit_log",
        "INSERT INTO audit_log (id, at, operation, tag) SELECT id, at, operation, tag FROM audit_log",
    ],
)
async def test_the_database_itself_refuses_to_rewrite_the_log(database: Database, statement: str) -> None:
    async with AuditLog(database) as log:
        await log.intend(write())

    with pytest.raises(DatabaseRejected):
        async with database.writing() as session:
            await session.execute(text(statement))

    assert len(await oldest_first(database)) == 1


async def test_postgresql_refuses_to_truncate_the_log(postgres_url: str) -> None:
    await schema.upgrade(postgres_url)
    async with Database.open(postgres_url) as database:
        with pytest.raises(DatabaseRejected, match="append-only"):
            async with database.writing() as session:
                await session.execute(text("TRUNCATE audit_log"))
