"""Several clusters in one folder: one etcd, one control plane a name."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Self

from fleet.local import commands, identities, processes, starting
from fleet.local.controlplane import ControlPlane
from fleet.local.keeper import ROSTER, Keeper
from fleet.local.ports import Reservation
from fleet.local.processes import Roster
from fleet.local.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from fleet.local.binaries import Binaries

DEFAULT_NAMES = ("hub", "spoke-1", "spoke-2")
ETCD_DATA = "_etcd"  # no cluster can have this name, and so this folder
_ETCD_STAGE = 0
_START_DEADLINE_S = 90
_GRACE_S = 5.0


class LocalFleet:
    """Clusters that live as long as this object, or, after ``detach``, until ``end_recorded`` on their folder.

    A folder that has held clusters before starts the same ones again, with their data, ports and credentials.
    Not for use by several threads at once.
    """

    def __init__(self, folder: Path, *, binaries: Binaries, names: Sequence[str] = DEFAULT_NAMES) -> None:
        for name in names:
            identities.check_name(name)
        self.folder = folder.absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._binaries = binaries
        self._roster = Roster(self.folder / ROSTER)
        self._keeper: Keeper | None = None
        before = identities.read(self.folder)
        self._etcd_port = Reservation(before.etcd_port if before else 0)
        self._etcd = Server(
            "etcd",
            argv=commands.etcd(binaries.etcd, data=self.folder / ETCD_DATA, port=self._etcd_port.port),
            log=self.folder / "etcd.log",
            roster=self._roster,
            stage=_ETCD_STAGE,
        )
        self.control_planes: dict[str, ControlPlane] = {}
        for identity in before.control_planes if before else ():
            self._prepare(identity.name, port=identity.port, token=identity.token)
        for name in names:
            if name not in self.control_planes:
                self._prepare(name)
        self._remember_identities()

    def __getitem__(self, name: str) -> ControlPlane:
        return self.control_planes[name]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, deadline_s: float = _START_DEADLINE_S) -> None:
        """Start everything at once and return when all of it is ready; on any failure nothing is left running.

        Raises StartFailed.
        """
        try:
            self._roster.claim()
            self._keeper = self._keeper or Keeper(self.folder)
            starting.run_together({"etcd": self._etcd_starting()}, deadline_s=deadline_s)
            planes = {name: plane.starting() for name, plane in self.control_planes.items()}
            starting.run_together(planes, deadline_s=deadline_s)
        except BaseException:
            self.stop()
            raise

    def add(self, name: str, *, deadline_s: float = _START_DEADLINE_S) -> ControlPlane:
        """One more cluster, started."""
        plane = self._prepare(identities.check_name(name))
        self._remember_identities()
        plane.start(deadline_s=deadline_s)
        return plane

    def remove(self, name: str) -> None:
        """Kill a cluster and forget it. Its data stays in etcd until the folder goes."""
        plane = self.control_planes.pop(name)
        plane.kill()
        plane.close()
        self._remember_identities()
        shutil.rmtree(plane.folder, ignore_errors=True)

    def stop(self, *, grace_s: float = _GRACE_S) -> None:
        """End every process: controllers, then API servers, then etcd. The data stays in the folder."""
        processes.end_recorded(self._roster, grace_s=grace_s)
        for server in self._servers():
            server.reap()
        for plane in self.control_planes.values():
            plane.close()
        self._etcd_port.release()
        self._dismiss_keeper()

    def detach(self) -> None:
        """Leave the clusters running when this process ends."""
        self._roster.disown()
        self._dismiss_keeper()

    def _etcd_starting(self) -> Iterator[str]:
        """Ends as soon as etcd listens, which is long before it serves.

        An API server whose first connection is refused backs off for a second. One that is accepted waits no
        longer than it must, and is not ready before etcd is.
        """
        self._etcd.launch()
        while (trouble := starting.listens(self._etcd_port.port)) is not None:
            yield trouble
            self._etcd.check()

    def _prepare(self, name: str, *, port: int = 0, token: str | None = None) -> ControlPlane:
        plane = ControlPlane(
            name,
            folder=self.folder / name,
            binaries=self._binaries,
            roster=self._roster,
            etcd_port=self._etcd_port.port,
            port=port,
            token=token,
        )
        self.control_planes[name] = plane
        return plane

    def _servers(self) -> Iterator[Server]:
        for plane in self.control_planes.values():
            yield from plane.servers
        yield self._etcd

    def _dismiss_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.release()
            self._keeper = None

    def _remember_identities(self) -> None:
        planes = self.control_planes.values()
        identities.write(
            self.folder,
            identities.Identities(
                etcd_port=self._etcd_port.port,
                control_planes=tuple(
                    identities.Identity(name=plane.name, port=plane.port, token=plane.token) for plane in planes
                ),
            ),
        )
