"""One hub for one SQLite file: two would both work on every cluster, each with a memory of its own.

The operating system lets a lock go with its process, however that ends.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import Terminal
from fleet.store import urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL


class DatabaseInUse(Terminal):
    """Another hub works with this database."""


@contextmanager
def of_sqlite(url: URL) -> Iterator[None]:
    """Own an SQLite file for as long as the block lasts; who only reads it need not ask. Raises DatabaseInUse."""
    with Path(f"{url.database}.hub").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise DatabaseInUse(
                f"another hub works with {urls.described(url)}: stop that one, or give this one a database and "
                f"clusters of its own"
            ) from exc
        yield
