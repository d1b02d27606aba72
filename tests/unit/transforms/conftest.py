"""The scripted API server and its client, as the kube room's tests have them."""

from tests.unit.kube.conftest import client, log, server

__all__ = ("client", "log", "server")
