"""Times as people write and read them: ``10m`` ago, ``3 s`` long."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(?:\d+[smhdw])+")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class Moment(click.ParamType[datetime]):
    """An age such as ``90s``, ``10m`` or ``1h30m``, or an ISO time, which is in UTC where it has no zone."""

    name = "time"

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """What the help shows."""
        return "TIME"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that ``value`` says."""
        if isinstance(value, datetime):
            return value
        try:
            if _AGE.fullmatch(value):
                return self._clock() - _age(value)
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except OverflowError:
            self.fail(f"{value!r} is beyond the calendar", param, ctx)
        except ValueError:
            self.fail(
                f"{value!r} is neither an age (10m, 2h, 1h30m) nor a time (2026-11-24T08:30:00Z)", param, ctx
            )


def _age(text: str) -> timedelta:
    parts = re.findall(r"(\d+)([smhdw])", text)
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def age(moment: datetime | None, *, at: datetime) -> str:
    """How long ago, as kubectl writes it: ``42s``, ``7m``, ``3h``, ``12d``."""
    if moment is None:
        return ""
    seconds = max(0, round((at - moment).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    return f"{seconds // _DAY}d"


def clock(moment: datetime, *, at: datetime) -> str:
    """The time of day to the millisecond in UTC, with the date where it is not today's."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03}"
    return text.partition(" ")[2] if moment.astimezone(UTC).date() == at.astimezone(UTC).date() else text


def took(duration_ms: float | None) -> str:
    """A duration with a unit that fits."""
    if duration_ms is None:
        return ""
    return f"{duration_ms / 1000:.1f} s" if duration_ms >= 1000 else f"{duration_ms:.0f} ms"  # noqa: PLR2004 - a second
