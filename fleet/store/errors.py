"""What a database can answer instead of doing the work, told apart by whether asking again may help."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import exc

from fleet.errors import FleetError, Terminal, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator


class DatabaseUnavailable(Transient):
    """The database does not answer, or has no connection, memory or disk left for us."""


class DatabaseBusy(Transient):
    """Another transaction holds what this one needs."""


class DatabaseUrlError(Terminal):
    """The URL does not name a database that the fleet can use."""


class DatabaseRejected(Terminal):
    """The database refuses the login or the statement, and will refuse it again."""


class SchemaError(Terminal):
    """The tables are not the ones that this version of the fleet works with."""


# Leading bytes of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY_STATES = ("40", "55P03")  # rolled back for another transaction's sake, lock not available
_UNAVAILABLE_STATES = ("08", "53", "57", "58")  # connection, resources, operator intervention, system
_MISSING_STATES = ("42P01", "42703")  # undefined table, undefined column

# Primary result codes, https://www.sqlite.org/rescode.html
_BUSY_CODES = ("SQLITE_BUSY", "SQLITE_LOCKED")
_UNAVAILABLE_CODES = ("SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM")


@contextmanager
def mapped(database: str) -> Iterator[None]:
    """Raise the errors of SQLAlchemy and of the drivers as the fleet's own; ``database`` is named in them."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _verdict(database, error) from error
    except exc.TimeoutError as error:
        raise DatabaseUnavailable(f"{database} has no free connection: all are in use") from error
    except exc.SQLAlchemyError as error:
        raise DatabaseRejected(f"{database}: {error}") from error
    except OSError as error:  # the drivers' connects and time-outs, which SQLAlchemy leaves as they are
        reason = str(error) or type(error).__name__
        raise DatabaseUnavailable(
            f"{database} does not answer ({reason}); check that it runs and that the URL is right"
        ) from error


def _verdict(database: str, error: exc.DBAPIError) -> FleetError:
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or ""
    code = getattr(cause, "sqlite_errorname", "")
    what = _first_line(cause)
    if state.startswith(_MISSING_STATES) or what.startswith(("no such table", "no such column")):
        return SchemaError(f"{database} lacks what this version needs ({what}); run: fleet db upgrade")
    if state.startswith(_BUSY_STATES) or code.startswith(_BUSY_CODES):
        return DatabaseBusy(f"{database} is busy with another transaction ({what})")
    if (
        error.connection_invalidated
        or state.startswith(_UNAVAILABLE_STATES)
        or code.startswith(_UNAVAILABLE_CODES)
    ):
        return DatabaseUnavailable(f"{database} does not answer ({what})")
    return DatabaseRejected(f"{database} refuses: {what}")


def _first_line(cause: BaseException | None) -> str:
    """What the driver says, without the exception class that its adapter puts before it."""
    text = str(cause).strip().partition("\n")[0]
    prefix, colon, message = text.partition(">: ")
    return message if colon and prefix.startswith("<class ") else text
