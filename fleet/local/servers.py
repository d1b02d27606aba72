"""One server process of a control plane, which can be stopped and started again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from fleet.local import processes
from fleet.local.processes import StartFailed

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from pathlib import Path

    from fleet.local.processes import Roster

_REAP_TIMEOUT_S = 5


class Server:
    """A server under one name, with one command line and one log."""

    def __init__(
        self,
        name: str,
        *,
        argv: tuple[str, ...],
        log: Path,
        roster: Roster,
        stage: int,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = argv
        self._roster = roster
        self._stage = stage
        self._environment = environment
        self._user = user
        self._process: psutil.Popen | None = None

    def launch(self) -> None:
        """Start the process; does nothing where it runs."""
        if self.running:
            return
        self.reap()
        self._process = processes.launch(
            self.name,
            self._argv,
            roster=self._roster,
            stage=self._stage,
            log=self.log,
            environment=self._environment,
            user=self._user,
        )

    @property
    def running(self) -> bool:
        """Whether the process was started here and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The id of the running process."""
        return self._process.pid if self._process is not None and self.running else None

    def alive(self) -> list[psutil.Process]:
        """The process, if it runs: what ``processes.end`` and ``processes.kill`` take."""
        return [self._process] if self._process is not None and self.running else []

    def check(self) -> None:
        """Raise StartFailed with the end of the log if the process has ended."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise StartFailed(
                f"{self.name} ended with exit code {code}; the end of {self.log}:\n{processes.tail(self.log)}"
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process runs."""
        for process in self.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def reap(self) -> None:
        """Take note that the process has ended, or is just ending, and strike it off the roster.

        A process of many threads looks dead to everybody else a moment before it can be waited for.
        """
        if self._process is None:
            return
        with contextlib.suppress(psutil.TimeoutExpired):
            self._process.wait(timeout=_REAP_TIMEOUT_S)
            self._roster.remove([self.name])
            self._process = None
