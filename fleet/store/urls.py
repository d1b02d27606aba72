"""Database URLs: as people write them, with the driver that the fleet uses."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from fleet.store.errors import DatabaseUrlError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

MAX_PORT = 65535


def parse(text: str) -> URL:
    """The URL with its driver; raises DatabaseUrlError for a database that the fleet cannot use."""
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError) as error:
        raise DatabaseUrlError(
            "the database URL cannot be read; write sqlite:///path/to/fleet.db or postgresql://user:password@host/name"
        ) from error
    backend, _, driver = url.drivername.partition("+")
    if backend not in _DRIVERS or driver not in ("", _DRIVERS[backend].partition("+")[2]):
        raise DatabaseUrlError(
            f"the database URL names {url.drivername!r}; the fleet works with sqlite:// and postgresql://"
        )
    if url.port is not None and url.port > MAX_PORT:
        raise DatabaseUrlError(f"the database URL names port {url.port}; ports end at {MAX_PORT}")
    url = url.set(drivername=_DRIVERS[backend])
    if is_sqlite(url) and (not url.database or ":memory:" in url.database or "uri" in url.query):
        raise DatabaseUrlError(
            "the fleet's memory must outlive the process, so it must be a file: write sqlite:///path/to/fleet.db"
        )
    return url


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file that this process reads and writes by itself."""
    return url.get_backend_name() == "sqlite"


def check_folder(url: URL) -> None:
    """SQLite makes a file that is missing, but no folder. Raises DatabaseUrlError."""
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        raise DatabaseUrlError(f"{described(url)}: there is no folder {folder.absolute()}; make it first")


def described(url: URL) -> str:
    """The URL for messages: no driver, no password."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
