from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from fleet.store.base import UtcDateTime

SQLITE = create_async_engine("sqlite+aiosqlite:///fleet.db").dialect
POSTGRESQL = create_async_engine("postgresql+asyncpg://db/fleet").dialect
IN_TOKYO = datetime(2026, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=9)))


def test_moments_are_bound_in_utc() -> None:
    moment = UtcDateTime()

    assert moment.process_bind_param(IN_TOKYO, SQLITE) == datetime(2026, 5, 1, 0, 30)  # noqa: DTZ001 - as SQLite has it
    assert moment.process_bind_param(IN_TOKYO, POSTGRESQL) == datetime(2026, 5, 1, 0, 30, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 5, 1), SQLITE)  # noqa: DTZ001 - what is refused
