"""A reserved port is nobody else's, and is the server's."""

from __future__ import annotations

import socket

import pytest

from fleet.local.ports import HOST, PortTaken, Reservation
from fleet.local.starting import listens


def test_a_reserved_port_refuses_connections_and_other_programs() -> None:
    held = Reservation()
    try:
        assert listens(held.port) is not None
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((HOST, held.port))
    finally:
        held.release()


def test_a_server_that_shares_the_port_gets_the_connections() -> None:
    held = Reservation()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind((HOST, held.port))
        server.listen()
        for _ in range(20):
            assert listens(held.port) is None
        held.release()
        assert listens(server.getsockname()[1]) is None


def test_a_port_that_another_program_has_is_named() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}"):
            Reservation(port)
