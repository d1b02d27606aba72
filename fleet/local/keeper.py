"""Ends the processes of a folder when their owner is gone: ``python -m fleet.local.keeper FOLDER``.

The owner holds the other end of this process's standard input. It says ``release`` there when the processes
are no longer the keeper's concern; if the pipe closes without a word, the owner has died, however it died, and
what it left behind is ended. Signal handlers and ``atexit`` do not run on SIGKILL, and PR_SET_PDEATHSIG fires when
the thread that started a child ends, which may be long before the process does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from fleet.local.processes import Roster, end_recorded

RELEASE = b"release\n"
ROSTER = "processes.json"
_GRACE_S = 3.0
_EXIT_TIMEOUT_S = 30


def main() -> None:
    """Wait for the owner's word, or for its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whatever ends the owner must not end its keeper first
    if sys.stdin.buffer.read() != RELEASE:
        end_recorded(Roster(Path(sys.argv[1]) / ROSTER), grace_s=_GRACE_S)


class Keeper:
    """The owner's end of a keeper."""

    def __init__(self, folder: Path) -> None:
        with (folder / "keeper.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this module
                [sys.executable, "-m", __name__, str(folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # a checkout may not be installed
                start_new_session=True,
            )

    def release(self) -> None:
        """Send the keeper away without ending anything."""
        self._process.communicate(RELEASE, timeout=_EXIT_TIMEOUT_S)


if __name__ == "__main__":
    main()
