"""Control planes that outlive the command that started them: up, down, and how they are."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fleet.errors import Terminal
from fleet.local import cache, controlplane, identities, processes, starting
from fleet.local.keeper import ROSTER
from fleet.local.localfleet import LocalFleet
from fleet.local.processes import Roster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fleet.local.binaries import Binaries
    from fleet.local.identities import Identity

_GRACE_S = 5.0
_LOCK_TIMEOUT_S = 120


class NotAFleet(Terminal):
    """The folder does not hold local control planes."""


class State(StrEnum):
    """How a cluster is."""

    READY = "ready"
    UNWELL = "unwell"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """One cluster of a folder; ``trouble`` says why it is not ready."""

    name: str
    state: State
    server: str
    kubeconfig: Path
    memory_mib: int
    trouble: str | None


def up(folder: Path, *, names: Sequence[str], binaries: Binaries) -> list[ClusterStatus]:
    """Have the clusters ``names`` running in ``folder``, and whatever ran there before.

    A fleet that runs already is left as it is, unless some of it is missing: then it starts again, with its data.
    Raises InvalidName before anything is ended.
    """
    for name in names:
        identities.check_name(name)
    with _locked(folder):
        now = status(folder)
        running = {cluster.name for cluster in now if cluster.state is State.READY}
        if running.issuperset(names):
            return now
        processes.end_recorded(Roster(folder / ROSTER), grace_s=_GRACE_S)
        fleet = LocalFleet(folder, binaries=binaries, names=names)
        fleet.start()
        fleet.detach()
        return status(folder)


def down(folder: Path) -> int:
    """End the processes of ``folder`` and keep its data; gives how many there were."""
    if not (folder / ROSTER).exists():
        return 0
    with _locked(folder):
        return processes.end_recorded(Roster(folder / ROSTER), grace_s=_GRACE_S)


def wipe(folder: Path) -> int:
    """End the processes of ``folder`` and remove it with all its data. Raises NotAFleet."""
    if not folder.is_dir():
        return 0
    if not (folder / identities.FILE).exists():
        raise NotAFleet(f"{folder} holds no local control planes, so it is not removed")
    ended = down(folder)
    shutil.rmtree(folder)
    return ended


def status(folder: Path) -> list[ClusterStatus]:
    """Every cluster that ``folder`` holds."""
    known = identities.read(folder)
    return [_status_of(each, folder=folder) for each in known.control_planes] if known else []


def _status_of(identity: Identity, *, folder: Path) -> ClusterStatus:
    home = folder / identity.name
    found = list(_processes_of(identity.name, folder=folder))
    trouble = _trouble(identity, home=home, running=len(found))
    state = State.READY if trouble is None else State.UNWELL if found else State.STOPPED
    return ClusterStatus(
        name=identity.name,
        state=state,
        server=controlplane.server_url(identity.port),
        kubeconfig=home / controlplane.KUBECONFIG,
        memory_mib=sum(process.memory_info().rss for process in found) >> 20,
        trouble=trouble,
    )


def _processes_of(name: str, *, folder: Path) -> Iterator[processes.Process]:
    for entry in Roster(folder / ROSTER).entries():
        process = processes.find(entry) if entry.name.startswith(f"{name}/") else None
        if process is not None:
            yield process


def _trouble(identity: Identity, *, home: Path, running: int) -> str | None:
    if running < controlplane.SERVERS:
        return f"{controlplane.SERVERS - running} of its {controlplane.SERVERS} processes are not running"
    ca = (home / controlplane.CERTIFICATE).read_text()
    return starting.probe(identity.port, "/readyz", ca=ca, token=identity.token)


def _locked(folder: Path) -> AbstractContextManager[None]:
    """One command at a time: two that start the same clusters would each leave the other's processes behind."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cache.locked(folder / "lock", timeout_s=_LOCK_TIMEOUT_S, on_wait=lambda: None)
