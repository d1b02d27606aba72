"""The story as it is told, and what is said where it does not go on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from fleet.cli.demo.narrator import Event, Narrator, NotHappened, Sight
from fleet.errors import Terminal, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Clock:
    """Goes on by a tenth of a second whenever somebody looks at it."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 0.1
        return self._now


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(said: io.StringIO) -> Narrator:
    return Narrator(Console(file=said, width=40), clock=Clock())


def sights(*seen: Sight | Exception) -> Callable[[], Sight]:
    """Looks that see one thing after the other, and the last of them for ever."""
    remaining = list(seen)

    def look() -> Sight:
        sight = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if isinstance(sight, Exception):
            raise sight
        return sight

    return look


def event(place: str, look: Callable[[], Sight]) -> Event:
    return Event(place=place, what=f"something at {place}", look=look)


def nothing_wrong() -> None:
    """The stage stands."""


NOT_YET = Sight(happened=False, text="0 of 2 pods")
DONE = Sight(happened=True, text="2 of 2 pods")


def follow(narrator: Narrator, events: Sequence[Event], *, deadline_s: float = 60) -> None:
    narrator.follow(events, deadline_s=deadline_s, check=nothing_wrong)


def test_events_are_told_when_they_happen_and_not_in_the_order_of_the_question(
    narrator: Narrator, said: io.StringIO
) -> None:
    narrator.step("Wait")
    follow(narrator, [event("late", sights(NOT_YET, NOT_YET, DONE)), event("early", sights(NOT_YET, DONE))])
    lines = said.getvalue().splitlines()
    assert [line.split()[2] for line in lines[2:]] == ["early", "late"]


def test_steps_are_numbered_and_lines_are_not_folded(narrator: Narrator, said: io.StringIO) -> None:
    narrator.step("First")
    narrator.tell("spoke-1", "x" * 100)
    narrator.step("Second [with brackets]")
    assert said.getvalue().splitlines() == [
        "",
        "1. First",
        f"   0.10 s  spoke-1  {'x' * 100}",
        "",
        "2. Second [with brackets]",
    ]


def test_what_does_not_happen_in_time_is_told_with_what_was_seen_last(narrator: Narrator) -> None:
    events = [event("spoke-1", sights(NOT_YET)), event("spoke-2", sights(DONE))]
    with pytest.raises(NotHappened) as caught:
        follow(narrator, events, deadline_s=1)
    assert str(caught.value) == (
        "this did not happen within 1 s:\n  spoke-1: something at spoke-1; last seen: 0 of 2 pods"
    )


def test_a_server_that_does_not_answer_is_waited_for(narrator: Narrator, said: io.StringIO) -> None:
    follow(narrator, [event("spoke-1", sights(Transient("no answer"), OSError("refused"), DONE))])
    assert "2 of 2 pods" in said.getvalue()


def test_a_server_that_never_answers_is_what_was_seen(narrator: Narrator) -> None:
    with pytest.raises(NotHappened, match="last seen: no answer"):
        follow(narrator, [event("spoke-1", sights(Transient("no answer")))], deadline_s=1)


def test_waiting_ends_as_soon_as_it_is_pointless(narrator: Narrator) -> None:
    def the_hub_has_ended() -> None:
        raise Terminal("fleet hub ended with exit code 1")

    with pytest.raises(Terminal, match="ended with exit code 1"):
        narrator.follow([event("spoke-1", sights(NOT_YET))], deadline_s=3600, check=the_hub_has_ended)


def test_a_mistake_of_ours_is_no_sight(narrator: Narrator) -> None:
    with pytest.raises(KeyError):
        follow(narrator, [event("spoke-1", sights(KeyError("spec")))])
