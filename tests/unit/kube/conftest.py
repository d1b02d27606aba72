from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fleet.ids import ClusterName
from fleet.kube.client import ClusterClient
from fleet.kube.connection import KubeconfigRef
from fleet.kube.session import open_session
from tests.unit.kube.scripted import RecordingLog, ScriptedServer, kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fleet.kube.connection import SecretRef


async def no_secrets(ref: SecretRef) -> bytes:
    raise AssertionError(f"nobody should read {ref}")


@asynccontextmanager
async def client_of(path: Path, log: RecordingLog | None = None, **options: int) -> AsyncIterator[ClusterClient]:
    async with open_session(KubeconfigRef(path=path), read_secret=no_secrets) as session:
        yield ClusterClient(ClusterName("blue"), session, log or RecordingLog(), **options)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A scripted API server."""
    async with ScriptedServer() as running:
        yield running


@pytest.fixture
def log() -> RecordingLog:
    """What the client says of its writes."""
    return RecordingLog()


@pytest_asyncio.fixture
async def client(server: ScriptedServer, log: RecordingLog, tmp_path: Path) -> AsyncIterator[ClusterClient]:
    """A client of the scripted server, as cluster ``blue``."""
    async with client_of(kubeconfig(tmp_path / "kubeconfig", server=server.url), log) as connected:
        yield connected
