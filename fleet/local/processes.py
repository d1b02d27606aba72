"""Starts processes, writes down which, and ends exactly those.

Whoever starts a process adds it to a roster, a file in the folder of the control planes, so that another process
(`fleet local down`, the keeper, the next run after a crash) can end it. A process id alone proves nothing, since
the kernel gives it out again: an entry counts only while the process of that id has the same command line and
start time. Whoever starts a process may be interrupted at any point, so what is about to be started is written
down first, without an id: its command line, in which the folder occurs, is enough to find it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import msgspec
import psutil

from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Process = psutil.Process

_CLOCK_STEP_S = 120.0  # start times are derived from the wall clock, which may have been set since
_EXEC_S = 1.0
_KILL_TIMEOUT_S = 10.0
_WAIT_PAUSE_S = 0.01
_TAIL_LINES = 25


class StartFailed(Terminal):
    """A process of a local control plane did not come up."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One process as it was when it started. Higher stages depend on lower ones, and end first.

    ``pid`` None: it was about to be started when this was written.
    """

    name: str
    pid: int | None = None
    started: float = 0.0
    argv: tuple[str, ...]
    stage: int


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says. ``owner`` None: they are meant to outlive whoever started them."""

    owner: Entry | None = None
    processes: tuple[Entry, ...] = ()


class Roster:
    """The processes that were started and not yet ended, kept in a file.

    One process writes it at a time: the owner of the processes, or whoever cleans up after it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> tuple[Entry, ...]:
        """Everything written down, whether it still runs or not."""
        return self._read().processes

    def add(self, entry: Entry) -> None:
        """Write ``entry`` down, in the place of one of the same name."""
        page = self._read()
        others = (other for other in page.processes if other.name != entry.name)
        self._write(_Page(owner=page.owner, processes=(*others, entry)))

    def remove(self, names: Iterable[str]) -> None:
        """Strike off the processes with these names."""
        page, gone = self._read(), set(names)
        kept = tuple(entry for entry in page.processes if entry.name not in gone)
        self._write(_Page(owner=page.owner, processes=kept))

    def claim(self) -> None:
        """Say that the processes belong to this one, and are leftovers once it is gone."""
        self._write(_Page(owner=_entry("owner", psutil.Process(), stage=0), processes=self.entries()))

    def disown(self) -> None:
        """Say that the processes are meant to outlive this one."""
        self._write(_Page(owner=None, processes=self.entries()))

    def orphaned(self) -> bool:
        """Whether the owner died without ending or disowning its processes."""
        owner = self._read().owner
        return owner is not None and find(owner) is None

    def _read(self) -> _Page:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Page)
        except FileNotFoundError:
            return _Page()

    def _write(self, page: _Page) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(page)))
        draft.replace(self._path)


def launch(
    name: str,
    argv: Sequence[str],
    *,
    roster: Roster,
    stage: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> psutil.Popen:
    """Start a process whose output goes to ``log``, in a session of its own.

    The session keeps Ctrl-C in the terminal from reaching it, so that its owner can end things in order.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    roster.add(Entry(name=name, argv=tuple(argv), stage=stage))
    with log.open("ab") as output:
        process = psutil.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            user=user,
            group=_group_of(user) if user else None,
            extra_groups=[] if user else None,
        )
    roster.add(_entry(name, process, stage=stage))
    return process


def _entry(name: str, process: Process, *, stage: int) -> Entry:
    return Entry(
        name=name, pid=process.pid, started=process.create_time(), argv=_command_line(process), stage=stage
    )


def _command_line(process: Process) -> tuple[str, ...]:
    """The command line of a process that has just started: for a moment after exec() the kernel shows none."""
    deadline = time.monotonic() + _EXEC_S
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.ZombieProcess):  # it has ended already; its owner will find out
            if seen := process.cmdline():
                return tuple(seen)
        time.sleep(0.001)
    return ()


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def find(entry: Entry) -> Process | None:
    """The process that ``entry`` describes, if it is that one and still runs."""
    if entry.pid is None:
        return next((process for process in psutil.process_iter() if _runs(process, entry.argv)), None)
    try:
        process = psutil.Process(entry.pid)
        same_start = abs(process.create_time() - entry.started) < _CLOCK_STEP_S
    except psutil.Error:
        return None
    return process if same_start and _runs(process, entry.argv) else None


def _runs(process: Process, argv: tuple[str, ...]) -> bool:
    try:
        return tuple(process.cmdline()) == argv and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end(processes: Sequence[Process], *, grace_s: float) -> None:
    """SIGTERM, and SIGKILL for those still there after ``grace_s``. A suspended one is woken to hear it."""
    for process in processes:
        _send(process, signal.SIGTERM)
        _send(process, signal.SIGCONT)
    kill(wait(processes, timeout_s=grace_s))


def kill(processes: Sequence[Process]) -> None:
    """SIGKILL, and wait until they are gone."""
    for process in processes:
        _send(process, signal.SIGKILL)
    wait(processes, timeout_s=_KILL_TIMEOUT_S)


def wait(processes: Sequence[Process], *, timeout_s: float) -> list[Process]:
    """Wait until they have ended; gives those that have not after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    remaining = [process for process in processes if not _ended(process)]
    while remaining and time.monotonic() < deadline:
        time.sleep(_WAIT_PAUSE_S)
        remaining = [process for process in remaining if not _ended(process)]
    return remaining


def _ended(process: Process) -> bool:
    """Whether a process is gone, or would be if its parent had asked; some init processes ask late."""
    if isinstance(process, psutil.Popen):
        return process.poll() is not None
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_recorded(roster: Roster, *, grace_s: float) -> int:
    """End every process of the roster that still runs, the highest stage first; gives how many there were."""
    entries = roster.entries()
    ended = 0
    for stage in sorted({entry.stage for entry in entries}, reverse=True):
        members = [entry for entry in entries if entry.stage == stage]
        running = [process for process in map(find, members) if process is not None]
        end(running, grace_s=grace_s)
        roster.remove(entry.name for entry in members)
        ended += len(running)
    return ended


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The end of a log, for an error message."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return f"({log} was not written)"
    return "\n".join(text.splitlines()[-lines:]) or f"({log} is empty)"


def _send(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
