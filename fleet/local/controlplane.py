"""One cluster: its API server, its controllers and one node, kept in an etcd that it shares with others.

The node has no machine and no kubelet. Pods are scheduled on it for real, and kwok then says that they run: a
Deployment becomes Available, a Job completes, and no container is ever started.
"""

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

_API_SERVER_STAGE = 1
_CONTROLLER_STAGE = 2
_START_DEADLINE_S = 90
_GRACE_S = 5.0
KUBECONFIG = "kubeconfig"
CERTIFICATE = "certificates/apiserver.crt"  # where kube-apiserver puts it under its --cert-dir
SERVERS = 4
_ADMIN = "admin"
_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "loopback",
        "labels": {"kubernetes.io/hostname": "loopback", "kubernetes.io/os": "linux"},
    },
}


def server_url(port: int) -> str:
    """The URL of the API server on a port of loopback."""
    return f"https://{HOST}:{port}"


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
        self.kubeconfig = folder / KUBECONFIG
        self.token = token or credentials.new_token()
        self._port = Reservation(port)
        self._controllers_port = Reservation()
        self._prepare_folder()
        self._api_server, *self._controllers = self._make_servers(binaries, roster=roster, etcd_port=etcd_port)

    @property
    def servers(self) -> tuple[Server, ...]:
        """Its processes, in the order in which they start."""
        return (self._api_server, *self._controllers)

    @property
    def port(self) -> int:
        """The port of the API server on loopback."""
        return self._port.port

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return server_url(self.port)

    @property
    def ca(self) -> str:
        """The certificate (PEM) that the API server made for itself; there once it has started."""
        return (self.folder / CERTIFICATE).read_text()

    @property
    def running(self) -> bool:
        """Whether all of its processes are there. They may be paused."""
        return all(server.running for server in self.servers)

    def start(self, *, deadline_s: float = _START_DEADLINE_S) -> None:
        """Start what does not run, and return when the cluster is ready. Raises StartFailed."""
        starting.run_together({self.name: self.starting()}, deadline_s=deadline_s)

    def starting(self) -> Iterator[str]:
        """Start, yielding a phrase for what it waits for until everything is ready."""
        self._api_server.launch()
        while (trouble := self._api_server_trouble()) is not None:
            yield trouble
            self._api_server.check()
        # The user has the cluster in its name, so that kubeconfigs can be merged.
        self.write_kubeconfig(self.kubeconfig, user=f"{_ADMIN}@{self.name}", token=self.token)
        for controller in self._controllers:
            controller.launch()
        for find_trouble in (self._node_trouble, self._controllers_trouble):
            while (trouble := find_trouble()) is not None:
                yield trouble
                for controller in self._controllers:
                    controller.check()

    def stop(self, *, grace_s: float = _GRACE_S) -> None:
        """End the cluster in order; its data stays in etcd. What has not ended after ``grace_s`` is killed."""
        processes.end([p for controller in self._controllers for p in controller.alive()], grace_s=grace_s)
        processes.end(self._api_server.alive(), grace_s=grace_s)
        self._reap()

    def kill(self) -> None:
        """SIGKILL everything at once, as a machine that loses its power does."""
        processes.kill([process for server in self.servers for process in server.alive()])
        self._reap()

    def pause(self) -> None:
        """Suspend the processes: the port still accepts connections, and nothing is ever answered."""
        for server in self.servers:
            server.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let paused processes go on."""
        for server in self.servers:
            server.signal(signal.SIGCONT)

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

    def _reap(self) -> None:
        for server in self.servers:
            server.reap()

    def _make_servers(self, binaries: Binaries, *, roster: Roster, etcd_port: int) -> list[Server]:
        """The API server first, then what depends on it."""
        command_lines = {
            "kube-apiserver": commands.kube_apiserver(
                binaries.kube_apiserver, name=self.name, folder=self.folder, port=self.port, etcd_port=etcd_port
            ),
            "kube-controller-manager": commands.kube_controller_manager(
                binaries.kube_controller_manager,
                kubeconfig=self.kubeconfig,
                folder=self.folder,
                port=self._controllers_port.port,
            ),
            "kube-scheduler": commands.kube_scheduler(binaries.kube_scheduler, kubeconfig=self.kubeconfig),
            "kwok": commands.kwok(binaries.kwok, kubeconfig=self.kubeconfig),
        }
        return [
            Server(
                f"{self.name}/{program}",
                argv=argv,
                log=self.folder / f"{program}.log",
                roster=roster,
                stage=_API_SERVER_STAGE if program == "kube-apiserver" else _CONTROLLER_STAGE,
            )
            for program, argv in command_lines.items()
        ]

    def _prepare_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        signing_key = self.folder / "service-account.key"
        if not signing_key.exists():
            credentials.write_private(signing_key, credentials.new_signing_key())
        credentials.write_private(self.folder / "tokens.csv", f"{self.token},{_ADMIN},{_ADMIN},system:masters\n")

    def _api_server_trouble(self) -> str | None:
        try:
            ca = self.ca
        except FileNotFoundError:
            return "kube-apiserver has not made its certificate"
        if "-----END CERTIFICATE-----" not in ca:
            return "kube-apiserver is writing its certificate"
        return starting.probe(self.port, "/readyz", ca=ca, token=self.token)

    def _controllers_trouble(self) -> str | None:
        return starting.probe(self._controllers_port.port, "/healthz", ca=self.ca)

    def _node_trouble(self) -> str | None:
        """None once the cluster has its node."""
        return starting.create(self.port, "/api/v1/nodes", body=_NODE, ca=self.ca, token=self.token)
