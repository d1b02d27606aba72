"""The backlog: each identity once, never two turns at a time, nothing ever dropped."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from fleet.errors import Terminal, Transient
from fleet.kube.errors import ServerError
from fleet.retrying import Backoff, RetryBudget
from fleet.watch import backlog as backlogs
from fleet.watch.backlog import Backlog, take_turn, work
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

QUICK = Backoff(initial_s=0.001, maximum_s=0.002, jitter_s=0.0)
SLOW = Backoff(initial_s=100, maximum_s=1000, jitter_s=0.0)


@asynccontextmanager
async def working(
    backlog: Backlog[str],
    reconcile: Callable[[str], Awaitable[float | None]],
    *,
    workers: int = 4,
    backoff: Backoff = QUICK,
) -> AsyncIterator[None]:
    task = asyncio.create_task(work(backlog, reconcile, workers=workers, backoff=backoff))
    async with asyncio.timeout(20):
        yield
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.fixture
def backlog() -> Backlog[str]:
    return Backlog[str]("test")


def due_in_s(backlog: Backlog[str], key: str) -> float:
    return backlog._timers[key].when() - asyncio.get_running_loop().time()


async def idle(backlog: Backlog[str]) -> None:
    async def look() -> bool:
        return backlog.idle

    await until_async(look, pause_s=0.001)


async def test_many_additions_before_a_turn_are_one_turn(backlog: Backlog[str]) -> None:
    for key in ("a", "b", "a", "a"):
        backlog.add(key)

    assert len(backlog) == 2
    assert [await backlog.take(), await backlog.take()] == ["a", "b"]
    assert len(backlog) == 0


async def test_an_addition_during_a_turn_brings_another_one_after_it(backlog: Backlog[str]) -> None:
    backlog.add("a")
    key = await backlog.take()
    backlog.add("a")
    backlog.add("a")
    assert len(backlog) == 0
    assert not backlog.idle

    backlog.done(key)

    assert await backlog.take() == "a"
    backlog.done("a")
    assert backlog.idle


async def test_no_identity_has_two_turns_at_once_and_none_is_forgotten(backlog: Backlog[str]) -> None:
    chance = random.Random(1)  # noqa: S311 - a repeatable choice
    wanted, reached = Counter[str](), Counter[str]()
    in_turn: set[str] = set()

    async def reconcile(key: str) -> None:
        assert key not in in_turn
        in_turn.add(key)
        saw = wanted[key]
        await asyncio.sleep(0)
        if chance.random() < 0.3:
            wanted[key] += 1
            backlog.add(key)
        await asyncio.sleep(0)
        reached[key] = saw
        in_turn.discard(key)
        if chance.random() < 0.2:
            raise Transient("once more")

    async with working(backlog, reconcile, workers=16):
        for _ in range(5_000):
            key = str(chance.randrange(300))
            wanted[key] += 1
            backlog.add(key)
            if chance.random() < 0.1:
                await asyncio.sleep(0)

        async def settled() -> bool:
            return backlog.idle and not backlog._timers

        await until_async(settled)

    assert reached == wanted


async def test_ten_thousand_wait_their_turn_in_order(backlog: Backlog[str]) -> None:
    turns: list[str] = []

    async def reconcile(key: str) -> None:
        turns.append(key)

    keys = [str(number) for number in range(10_000)]
    for key in keys:
        backlog.add(key)
    async with working(backlog, reconcile, workers=1):
        await idle(backlog)

    assert turns == keys


async def test_one_that_always_comes_back_does_not_starve_the_others(backlog: Backlog[str]) -> None:
    turns = Counter[str]()

    async def reconcile(key: str) -> None:
        turns[key] += 1
        await asyncio.sleep(0)
        if key == "busy":
            backlog.add("busy")

    async with working(backlog, reconcile, workers=1):
        backlog.add("busy")
        for number in range(100):
            backlog.add(str(number))

        async def all_had_theirs() -> bool:
            return len(turns) == 101

        await until_async(all_had_theirs, pause_s=0.001)

    assert turns["1"] == 1


async def test_one_addition_wakes_one_worker(backlog: Backlog[str]) -> None:
    waiting = [asyncio.create_task(backlog.take()) for _ in range(64)]
    await asyncio.sleep(0)

    backlog.add("a")

    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["a"]
    getters = backlog._waiting._getters  # type: ignore[attr-defined]
    assert [getter.done() for getter in getters] == [False] * 63
    for task in others:
        task.cancel()
    await asyncio.wait(others)


# --- later ------------------------------------------------------------------------------------------------------


async def test_of_two_later_times_the_earlier_counts(backlog: Backlog[str]) -> None:
    backlog.add_after("a", 50)
    backlog.add_after("a", 100)
    assert due_in_s(backlog, "a") == pytest.approx(50, abs=1)

    backlog.add_after("a", 10)
    assert due_in_s(backlog, "a") == pytest.approx(10, abs=1)

    backlog.add("a")
    assert backlog._timers == {}
    backlog.add_after("a", 1)
    assert backlog._timers == {}  # it waits for its turn already


async def test_a_later_time_comes(backlog: Backlog[str]) -> None:
    backlog.add_after("a", 0.001)
    assert backlog.idle

    async with asyncio.timeout(5):
        assert await backlog.take() == "a"


async def test_what_a_turn_asks_for_is_set(backlog: Backlog[str]) -> None:
    async def reconcile(_: str) -> float:
        return 25

    await take_turn(backlog, "a", reconcile, QUICK)

    assert due_in_s(backlog, "a") == pytest.approx(25, abs=1)


async def test_a_hurry_gives_everything_its_turn_now_and_forgets_failures(backlog: Backlog[str]) -> None:
    async def reconcile(_: str) -> None:
        raise Transient("away")

    for _ in range(5):
        await take_turn(backlog, "a", reconcile, SLOW)
    backlog.add_after("b", 500)

    backlog.hurry()

    assert {await backlog.take(), await backlog.take()} == {"a", "b"}
    assert backlog._timers == {}
    await take_turn(backlog, "a", reconcile, SLOW)
    assert due_in_s(backlog, "a") == pytest.approx(100, abs=1)


# --- failures ---------------------------------------------------------------------------------------------------


async def test_failures_of_one_key_put_it_off_later_and_later_until_it_succeeds(backlog: Backlog[str]) -> None:
    fails = True

    async def reconcile(_: str) -> None:
        if fails:
            raise Transient("away")

    waits = []
    for _ in range(5):
        await take_turn(backlog, "a", reconcile, SLOW)
        waits.append(round(due_in_s(backlog, "a"), -2))
        backlog.add("a")
        assert await backlog.take() == "a"
        backlog.done("a")
    assert waits == [100, 200, 400, 800, 1000]

    await take_turn(backlog, "b", reconcile, SLOW)
    assert due_in_s(backlog, "b") == pytest.approx(100, abs=1)

    fails = False
    await take_turn(backlog, "a", reconcile, SLOW)
    assert "a" not in backlog._timers
    assert "a" not in backlog._failures
    fails = True
    await take_turn(backlog, "a", reconcile, SLOW)
    assert due_in_s(backlog, "a") == pytest.approx(100, abs=1)


async def test_the_other_sides_word_is_waited_for(backlog: Backlog[str]) -> None:
    async def reconcile(_: str) -> None:
        raise Transient("slow down", retry_after=77)

    await take_turn(backlog, "a", reconcile, QUICK)

    assert due_in_s(backlog, "a") == pytest.approx(77, abs=1)


async def test_a_cluster_that_is_not_well_is_asked_again_at_a_bounded_rate(backlog: Backlog[str]) -> None:
    budget = RetryBudget(per_second=0.01, burst=1)
    error: Transient = ServerError("not well")

    async def reconcile(_: str) -> None:
        raise error

    for key in ("a", "b", "c"):
        await take_turn(backlog, key, reconcile, QUICK, budget)
    error = Transient("nothing to do with the cluster")
    await take_turn(backlog, "d", reconcile, QUICK, budget)

    assert [round(due_in_s(backlog, key), -1) for key in "abcd"] == [0, 100, 200, 0]


async def test_what_cannot_be_done_as_it_is_is_tried_slowly(backlog: Backlog[str]) -> None:
    async def reconcile(_: str) -> None:
        raise Terminal("no such field")

    with capture_logs() as logs:
        await take_turn(backlog, "a", reconcile, QUICK)

    assert due_in_s(backlog, "a") == pytest.approx(backlogs.SLOW_RETRY_S, abs=1)
    assert logs[0]["log_level"] == "warning"
    assert (logs[0]["item"], logs[0]["error"]) == ("a", "no such field")


async def test_a_defect_is_logged_with_its_item_and_tried_again(backlog: Backlog[str]) -> None:
    turns = 0

    async def reconcile(_: str) -> None:
        nonlocal turns
        turns += 1
        if turns < 3:
            raise ZeroDivisionError

    with capture_logs() as logs:
        async with working(backlog, reconcile):
            backlog.add("a")

            async def three() -> bool:
                return turns == 3 and backlog.idle

            await until_async(three)

    assert [(each["item"], each["exc_info"]) for each in logs] == [("a", True), ("a", True)]


async def test_a_change_during_a_failing_turn_is_not_put_off(backlog: Backlog[str]) -> None:
    async def reconcile(_: str) -> None:
        backlog.add("a")
        raise Transient("away")

    backlog.add("a")
    key = await backlog.take()
    await take_turn(backlog, key, reconcile, SLOW)
    backlog.done(key)

    assert len(backlog) == 1
    assert backlog._timers == {}


async def test_cancelling_the_work_ends_the_turns_and_sets_nothing_off_later(backlog: Backlog[str]) -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def reconcile(key: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(key)

    async with working(backlog, reconcile):
        backlog.add("a")
        backlog.add_after("b", 100)
        await begun.wait()

    assert ended == ["a"]
    assert backlog._timers == {}
    assert backlog.idle
