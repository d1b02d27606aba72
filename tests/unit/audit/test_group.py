"""Group commit, against a database that does what each test tells it to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from fleet.audit import group as group_module
from fleet.audit.group import AuditUnavailable, GroupWriter
from fleet.store.errors import DatabaseRejected, DatabaseUnavailable
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fleet.audit.facts import Row


class Disk:
    """Where groups go: holds them back while ``open`` is not set, fails while ``down``, refuses bad rows."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()
        self.down = False

    async def insert(self, rows: Sequence[Row]) -> None:
        self.entered.set()
        await self.open.wait()
        names = [row["name"] for row in rows]
        if self.down:
            raise DatabaseUnavailable("the disk is gone", retry_after=3)
        if "bad" in names:
            raise DatabaseRejected("bad is not good")
        self.groups.append(names)

    @property
    def rows(self) -> list[str]:
        return [name for names in self.groups for name in names]


def row(name: str) -> Row:
    return {"name": name}


@asynccontextmanager
async def running(disk: Disk) -> AsyncIterator[GroupWriter]:
    writer = GroupWriter(disk.insert)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        try:
            yield writer
        finally:
            writer.finish()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "LINGER_S", 0.01)
    monkeypatch.setattr(group_module, "RETRY_S", 0.01)


async def test_a_durable_row_is_on_disk_when_the_call_returns() -> None:
    disk = Disk()
    async with running(disk) as writer:
        await writer.durable(row("a"))

        assert disk.rows == ["a"]


async def test_a_durable_row_is_not_confirmed_before_it_is_on_disk() -> None:
    disk = Disk()
    disk.open.clear()
    async with running(disk) as writer:
        call = asyncio.create_task(writer.durable(row("a")))
        await disk.entered.wait()

        assert not call.done()

        disk.open.set()
        await call


async def test_rows_that_come_while_one_is_written_share_the_next_transaction() -> None:
    disk = Disk()
    disk.open.clear()
    async with running(disk) as writer:
        calls = [asyncio.create_task(writer.durable(row("first")))]
        await disk.entered.wait()
        calls += [asyncio.create_task(writer.durable(row(str(n)))) for n in range(50)]
        await asyncio.sleep(0)
        writer.soon(row("outcome"))
        disk.open.set()
        await asyncio.gather(*calls)

    assert disk.groups == [["first"], ["outcome", *map(str, range(50))]]


async def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "GROUP_ROWS", 10)
    disk = Disk()
    async with running(disk) as writer:
        await asyncio.gather(*(writer.durable(row(str(n))) for n in range(35)))

    assert [len(names) for names in disk.groups] == [10, 10, 10, 5]


async def test_a_row_given_to_soon_needs_no_company() -> None:
    disk = Disk()
    async with running(disk) as writer:
        writer.soon(row("outcome"))

        assert disk.rows == []

        async def on_disk() -> list[str]:
            return disk.rows

        await until_async(on_disk, lambda rows: rows == ["outcome"])


async def test_a_row_given_to_soon_while_another_is_written_needs_no_company_either() -> None:
    disk = Disk()
    disk.open.clear()
    async with running(disk) as writer:
        writer.soon(row("first"))
        await disk.entered.wait()
        writer.soon(row("second"))
        disk.open.set()

        async def on_disk() -> list[str]:
            return disk.rows

        await until_async(on_disk, lambda rows: rows == ["first", "second"])


async def test_finishing_leaves_nothing_behind() -> None:
    disk = Disk()
    async with running(disk) as writer:
        for n in range(1200):
            writer.soon(row(str(n)))

    assert disk.rows == [str(n) for n in range(1200)]


async def test_while_the_disk_is_gone_nothing_may_be_done_and_no_outcome_is_lost() -> None:
    disk = Disk()
    async with running(disk) as writer:
        disk.down = True
        writer.soon(row("outcome 1"))
        writer.soon(row("outcome 2"))
        with pytest.raises(AuditUnavailable, match="the disk is gone") as refusal:
            await writer.durable(row("intent"))
        assert refusal.value.retry_after == 3
        disk.down = False

    assert disk.rows == ["outcome 1", "outcome 2"]


async def test_outcomes_are_tried_again_without_being_asked() -> None:
    disk = Disk()
    async with running(disk) as writer:
        disk.down = True
        writer.soon(row("outcome"))
        await disk.entered.wait()
        await asyncio.sleep(0)
        disk.down = False

        async def on_disk() -> list[str]:
            return disk.rows

        await until_async(on_disk, lambda rows: rows == ["outcome"])


async def test_a_refused_row_fails_its_own_caller_and_nobody_else() -> None:
    disk = Disk()
    async with running(disk) as writer:
        writer.soon(row("bad"))
        writer.soon(row("outcome"))
        ends = await asyncio.gather(
            *(writer.durable(row(name)) for name in ("a", "bad", "b")), return_exceptions=True
        )

    assert [type(end).__name__ for end in ends] == ["NoneType", "DatabaseRejected", "NoneType"]
    assert sorted(disk.rows) == ["a", "b", "outcome"]


async def test_a_caller_that_goes_before_its_group_is_written_takes_its_row_along() -> None:
    disk = Disk()
    disk.open.clear()
    async with running(disk) as writer:
        first = asyncio.create_task(writer.durable(row("first")))
        await disk.entered.wait()
        second = asyncio.create_task(writer.durable(row("second"), if_abandoned=lambda: row("never mind")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        disk.open.set()
        await first

    assert disk.rows == ["first"]


async def test_a_caller_that_goes_while_its_row_is_written_has_it_put_right() -> None:
    disk = Disk()
    disk.open.clear()
    async with running(disk) as writer:
        call = asyncio.create_task(writer.durable(row("intent"), if_abandoned=lambda: row("never mind")))
        await disk.entered.wait()
        call.cancel()
        await asyncio.wait([call])
        disk.open.set()

    assert disk.rows == ["intent", "never mind"]


async def test_nobody_waits_for_ever_for_a_writer_that_was_cancelled() -> None:
    disk = Disk()
    disk.open.clear()
    writer = GroupWriter(disk.insert)
    task = asyncio.create_task(writer.run())
    calls = [asyncio.create_task(writer.durable(row(name))) for name in ("on its way", "queued")]
    await disk.entered.wait()

    task.cancel()

    ends = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), timeout=5)
    assert [type(end) for end in ends] == [AuditUnavailable, AuditUnavailable]
    with pytest.raises(AuditUnavailable, match="closed"):
        await writer.durable(row("late"))
