"""Hubs that end themselves at a write of their choice, as a kill -9 at that very moment would.

Every write goes through the log that is told of it before and after, so the log is where to die: once an intent
is durable and before its request is sent, or once the answer is there and before anything else knows of it.
A hub is forked from a process that has imported everything, because a test starts a hundred of them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import uvloop
import yaml

from fleet.audit.log import AuditLog
from fleet.hub import logs
from fleet.hub import run as hub_run
from fleet.settings import LogFormat, LogLevel, Settings

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from fleet.kube.writes import OperationId, Write, WriteOutcome
    from fleet.local.controlplane import ControlPlane
    from fleet.store.database import Database

DATABASE = "fleet.db"
CRASHED = 86
"""Exit code of a hub that reached its crash point."""

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload([__name__])


class When(Enum):
    """On which side of its request a hub dies."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """The ``number``-th write, counted from 1, that is made for an instance, or for ``transform`` itself."""

    number: int
    when: When
    transform: str | None = None

    def counts(self, write: Write) -> bool:
        """Whether this is one of the writes to count."""
        cause = write.cause
        if self.transform is None:
            return cause.instance is not None
        return cause.instance is None and cause.transform == self.transform

    def __str__(self) -> str:
        return f"{self.when.value} write {self.number}"


class CrashingLog(AuditLog):
    """The audit log of a hub, which ends the process at its crash point."""

    def __init__(self, database: Database, *, point: CrashPoint) -> None:
        super().__init__(database)
        self._point = point
        self._writes = 0
        self._fatal: OperationId | None = None

    async def intend(self, write: Write) -> OperationId:
        """Let the intent be durable, and die if this is the write to die before."""
        operation = await super().intend(write)
        if self._point.counts(write):
            self._writes += 1
            if self._writes == self._point.number:
                self._fatal = operation
                if self._point.when is When.BEFORE:
                    os._exit(CRASHED)
        return operation

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> None:
        """Die if this is the write to die after; nobody has seen its answer yet."""
        if operation == self._fatal:
            os._exit(CRASHED)
        super().conclude(operation, write, outcome)


class ForkedHub:
    """A hub in a process of its own, with or without a crash point."""

    def __init__(self, settings: Settings, *, log: Path, point: CrashPoint | None = None) -> None:
        self._log = log
        self._process: ForkServerProcess = _forking.Process(target=_run, args=(settings, log, point), daemon=True)
        self._process.start()

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process.is_alive()

    @property
    def crashed(self) -> bool:
        """Whether it ended at its crash point. Fails the test if it ended in any other way."""
        if self._process.is_alive():
            return False
        if self._process.exitcode != CRASHED:
            raise AssertionError(f"the hub ended with {self._process.exitcode}:\n{self._log.read_text()[-4000:]}")
        return True

    def kill(self) -> None:
        """End it, as a crash does."""
        self._process.kill()
        self._process.join()


def fleet_of_one(folder: Path, plane: ControlPlane) -> Path:
    """A folder for hubs of a fleet whose only cluster is its hub and its spoke."""
    (folder / "clusters").mkdir(parents=True)
    connection = {"kubeconfig": {"path": str(plane.kubeconfig)}}
    document = {"name": "here", "roles": ["hub", "spoke"], "connection": connection}
    (folder / "clusters" / "here.yaml").write_text(yaml.safe_dump(document))
    return folder


def hub_of(folder: Path, *, point: CrashPoint | None = None) -> ForkedHub:
    """A hub on the cluster files and the SQLite database of ``folder``."""
    settings = Settings(
        database_url=f"sqlite:///{folder / DATABASE}",
        data_folder=folder / "data",
        clusters=folder / "clusters",
        listen="127.0.0.1:0",
        evaluators=1,
    )
    return ForkedHub(settings, log=folder / "hub.log", point=point)


def _run(settings: Settings, log: Path, point: CrashPoint | None) -> None:
    into = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(into, stream)
    logs.configure(LogFormat.TEXT, LogLevel.DEBUG)

    def open_audit(database: Database) -> AuditLog:
        return AuditLog(database) if point is None else CrashingLog(database, point=point)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hub_run.serve(settings, open_audit=open_audit))
