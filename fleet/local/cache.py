"""Where what was built is kept for the next run, and the lock that keeps two builders apart."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RETRY_S = 0.2


class LockTimeout(Transient):
    """Another process kept the lock for longer than we were told to wait."""


def cache_dir() -> Path:
    """``$FLEET_CACHE_DIR``, else ``pequod-fleet`` in the user's cache folder."""
    if override := os.environ.get("FLEET_CACHE_DIR"):
        return Path(override).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "pequod-fleet"


@contextmanager
def locked(path: Path, *, timeout_s: float, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; ``on_wait`` is called once where somebody else has it.

    The kernel drops the lock with its process, so a builder that was killed blocks nobody.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    waiting = False
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LockTimeout(
                        f"{path} was still locked by another process after {timeout_s:g} s"
                    ) from None
            else:
                break
            if not waiting:
                waiting = True
                on_wait()
            time.sleep(_RETRY_S)
        yield
