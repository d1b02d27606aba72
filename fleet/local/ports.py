"""Loopback ports that nobody else gets while we hold them.

Asking the kernel for a free port and letting a server bind it later leaves a gap in which another process can take
it. So the port stays bound here, without listening, by a socket with SO_REUSEPORT; a server of the same user that
binds with the same option (``--permit-port-sharing``, ``--socket-reuse-port``) gets all the connections.
"""

from __future__ import annotations

import socket

from fleet.errors import Terminal

HOST = "127.0.0.1"


class PortTaken(Terminal):
    """Another program has a port that we must have again."""


class Reservation:
    """A port held until ``release``."""

    def __init__(self, port: int = 0) -> None:
        """Hold ``port``, or a free one. Raises PortTaken."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._socket.bind((HOST, port))
        except OSError as exc:
            self._socket.close()
            raise PortTaken(
                f"port {port} of {HOST}, which these control planes had before, cannot be had "
                f"({exc.strerror}): end the program that uses it, or start anew in another folder"
            ) from exc
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Let go of the port. A server that has bound it meanwhile keeps it."""
        self._socket.close()
