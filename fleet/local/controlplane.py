"""One cluster: its API server and its controllers, kept in an etcd that it shares with others."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from fleet.local import commands, credentials, processes, starting
from fleet.local.ports import HOST, Reservation
from fleet.local.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet.local.binaries import Binaries
    from fleet.local.processes import Roster

API_SERVER_STAGE = 1
CONTROLLER_STAGE = 2
_START_DEADLINE_S = 90
_GRACE_S = 5.0
ADMIN = "admin"


class ControlPlane:
    """A cluster that can be stopped, killed or paused, and come back with its data, port and credentials."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        binaries: Binaries,
        roster: Roster,
        etcd_port: int,
        port: int = 0,
        token: str | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.token = token or credentials.new_token()
        self._port = Reservation(port)
        self._controllers_port = Reservation()
        self._prepare_folder()
        self._api_server = Server(
            f"{name}/kube-apiserver",
            argv=commands.kube_apiserver(
                binaries.kube_apiserver, name=name, folder=folder, port=self.port, etcd_port=etcd_port
            ),
            log=folder / "kube-apiserver.log",
            roster=roster,
            stage=API_SERVER_STAGE,
        )
        self._controllers = Server(
            f"{name}/kube-controller-manager",
            argv=commands.kube_controller_manager(
                binaries.kube_controller_manager,
                kubeconfig=self.kubeconfig,
                folder=folder,
                port=self._controllers_port.port,
            ),
            log=folder / "kube-controller-manager.log",
            roster=roster,
            stage=CONTROLLER_STAGE,
        )

    @property
    def servers(self) -> tuple[Server, ...]:
        """Its processes, in the order in which they start."""
        return (self._api_server, self._controllers)

    @property
    def port(self) -> int:
        """The port of the API server on loopback."""
        return self._port.port

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{HOST}:{self.port}"

    @property
    def ca(self) -> str:
        """The certificate (PEM) that the API server made for itself; there once it has started."""
        return self._certificate.read_text()

    @property
    def running(self) -> bool:
        """Whether the API server's process is there. It may be paused."""
        return self._api_server.running

    def start(self, *, deadline_s: float = _START_DEADLINE_S) -> None:
        """Start what does not run, and return when the cluster is ready. Raises StartFailed."""
        starting.run_together({self.name: self.starting()}, deadline_s=deadline_s)

    def starting(self) -> Iterator[str]:
        """Start, yielding a phrase for what it waits for until everything is ready."""
        self._api_server.launch()
        while (trouble := self._api_server_trouble()) is not None:
            yield trouble
            self._api_server.check()
        self.write_kubeconfig(self.kubeconfig, user=ADMIN, token=self.token)
        self._controllers.launch()
        while (trouble := self._controllers_trouble()) is not None:
            yield trouble
            self._controllers.check()

    def stop(self, *, grace_s: float = _GRACE_S) -> None:
        """End the cluster in order; its data stays in etcd. What has not ended after ``grace_s`` is killed."""
        for server in (self._controllers, self._api_server):
            processes.end(server.alive(), grace_s=grace_s)
            server.reap()

    def kill(self) -> None:
        """SIGKILL everything at once, as a machine that loses its power does."""
        processes.kill([*self._controllers.alive(), *self._api_server.alive()])
        self._controllers.reap()
        self._api_server.reap()

    def pause(self) -> None:
        """Suspend the processes: the port still accepts connections, and nothing is ever answered."""
        self._controllers.signal(signal.SIGSTOP)
        self._api_server.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let paused processes go on."""
        self._api_server.signal(signal.SIGCONT)
        self._controllers.signal(signal.SIGCONT)

    def write_kubeconfig(self, path: Path, *, user: str, token: str) -> None:
        """Write a kubeconfig for this cluster with another user's token."""
        credentials.write_private(
            path,
            credentials.kubeconfig(cluster=self.name, user=user, server=self.server, ca=self.ca, token=token),
        )

    def close(self) -> None:
        """Let go of the ports; the object is of no use after that."""
        self._port.release()
        self._controllers_port.release()

    @property
    def _certificate(self) -> Path:
        return self.folder / "certificates" / "apiserver.crt"

    def _prepare_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        signing_key = self.folder / "service-account.key"
        if not signing_key.exists():
            credentials.write_private(signing_key, credentials.new_signing_key())
        credentials.write_private(self.folder / "tokens.csv", f"{self.token},{ADMIN},{ADMIN},system:masters\n")

    def _api_server_trouble(self) -> str | None:
        try:
            ca = self.ca
        except FileNotFoundError:
            return "kube-apiserver has not made its certificate"
        if "-----END CERTIFICATE-----" not in ca:
            return "kube-apiserver is writing its certificate"
        return starting.probe(self.port, "/readyz", ca=ca, token=self.token)

    def _controllers_trouble(self) -> str | None:
        try:
            ca = (self.folder / "controller-certificates" / "kube-controller-manager.crt").read_text()
        except FileNotFoundError:
            return "kube-controller-manager has not made its certificate"
        return starting.probe(self._controllers_port.port, "/healthz", ca=ca)
