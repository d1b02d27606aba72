"""Times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from fleet.cli import times

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def moment() -> times.Moment:
    return times.Moment(clock=lambda: NOW)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_an_age_is_that_long_ago(moment: times.Moment, text: str, ago: timedelta) -> None:
    assert moment.convert(text, None, None) == NOW - ago


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T08:30:00Z", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
        ("2026-11-24T08:30:00+02:00", datetime(2026, 11, 24, 6, 30, tzinfo=UTC)),
        ("2026-11-24 08:30", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_an_iso_time_without_a_zone_is_in_utc(moment: times.Moment, text: str, expected: datetime) -> None:
    assert moment.convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["9999999d", "99999999999999999999w", "0001-01-01T00:00+10:00"])
def test_what_is_beyond_the_calendar_is_refused(moment: times.Moment, text: str) -> None:
    with pytest.raises(click.BadParameter, match="is beyond the calendar"):
        moment.convert(text, None, None)


@pytest.mark.parametrize("text", ["", "10", "yesterday", "10 minutes", "-5m"])
def test_anything_else_is_refused_with_examples(moment: times.Moment, text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither an age"):
        moment.convert(text, None, None)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_799, "47h"), (172_800, "2d")],
)
def test_age(seconds: int, expected: str) -> None:
    assert times.age(NOW - timedelta(seconds=seconds), at=NOW) == expected


def test_the_age_of_what_never_was_and_of_a_clock_that_runs_ahead() -> None:
    assert times.age(None, at=NOW) == ""
    assert times.age(NOW + timedelta(seconds=5), at=NOW) == "0s"


def test_the_clock_shows_the_date_only_where_it_is_another() -> None:
    assert times.clock(NOW + timedelta(milliseconds=5), at=NOW) == "12:00:00.005"
    assert times.clock(NOW - timedelta(days=1), at=NOW) == "2026-11-23 12:00:00.000"


@pytest.mark.parametrize(("ms", "expected"), [(None, ""), (0.4, "0 ms"), (999.4, "999 ms"), (1234.0, "1.2 s")])
def test_took(ms: float | None, expected: str) -> None:
    assert times.took(ms) == expected
