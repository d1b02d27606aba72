import sqlite3

import pytest
from sqlalchemy import exc

from fleet.errors import FleetError
from fleet.store.errors import (
    DatabaseBusy,
    DatabaseRejected,
    DatabaseUnavailable,
    SchemaError,
    mapped,
)


class PostgresError(Exception):
    """What asyncpg raises, as far as we look at it."""

    def __init__(self, sqlstate: str, message: str = "the server's words") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


def sqlite_error(code: str, message: str = "the library's words") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorname = code
    return error


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (PostgresError("40001"), DatabaseBusy),  # serialization failure
        (PostgresError("40P01"), DatabaseBusy),  # deadlock
        (PostgresError("55P03"), DatabaseBusy),  # lock not available
        (PostgresError("53300"), DatabaseUnavailable),  # too many connections
        (PostgresError("57P01"), DatabaseUnavailable),  # admin shutdown
        (PostgresError("57P03"), DatabaseUnavailable),  # starting up
        (PostgresError("42P01"), SchemaError),  # undefined table
        (PostgresError("42703"), SchemaError),  # undefined column
        (PostgresError("28P01"), DatabaseRejected),  # wrong password
        (PostgresError("23505"), DatabaseRejected),  # unique violation
        (sqlite_error("SQLITE_BUSY"), DatabaseBusy),
        (sqlite_error("SQLITE_BUSY_SNAPSHOT"), DatabaseBusy),
        (sqlite_error("SQLITE_FULL"), DatabaseUnavailable),
        (sqlite_error("SQLITE_IOERR_WRITE"), DatabaseUnavailable),
        (sqlite_error("SQLITE_ERROR", "no such table: clusters"), SchemaError),
        (sqlite_error("SQLITE_ERROR", "no such column: c.color"), SchemaError),
        (sqlite_error("SQLITE_NOTADB"), DatabaseRejected),
        (sqlite_error("SQLITE_CONSTRAINT_UNIQUE"), DatabaseRejected),
    ],
)
def test_what_the_database_says_decides_whether_to_ask_again(cause: Exception, verdict: type[FleetError]) -> None:
    with pytest.raises(verdict, match=r"sqlite:///fleet\.db") as raised, mapped("sqlite:///fleet.db"):
        raise exc.DBAPIError("SELECT 1", {}, cause)

    assert str(cause) in str(raised.value)


@pytest.mark.parametrize("cause", [ConnectionRefusedError("refused"), TimeoutError(), exc.TimeoutError()])
def test_no_connection_is_worth_another_try(cause: Exception) -> None:
    with pytest.raises(DatabaseUnavailable), mapped("postgresql://db/fleet"):
        raise cause


def test_a_connection_lost_in_a_statement_is_worth_another_try() -> None:
    lost = exc.DBAPIError("SELECT 1", {}, PostgresError("", "gone"), connection_invalidated=True)

    with pytest.raises(DatabaseUnavailable, match="gone"), mapped("postgresql://db/fleet"):
        raise lost


def test_our_own_errors_pass_unchanged() -> None:
    ours = SchemaError("as it was")

    with pytest.raises(SchemaError) as raised, mapped("sqlite:///fleet.db"):
        raise ours

    assert raised.value is ours
