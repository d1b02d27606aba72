from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fleet.ids import ClusterName
from fleet.kube.client import ClusterClient
from fleet.kube.connection import KubeconfigRef
from fleet.kube.session import open_session
from tests.unit.kube.conftest import no_secrets
from tests.unit.kube.scripted import RecordingLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.harness.clusters import ControlPlanes


@asynccontextmanager
async def connected(kubeconfig: Path, log: RecordingLog | None = None) -> AsyncIterator[ClusterClient]:
    """A client of a real cluster."""
    async with open_session(KubeconfigRef(path=kubeconfig), read_secret=no_secrets) as session:
        yield ClusterClient(ClusterName("spoke-1"), session, log or RecordingLog())


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest_asyncio.fixture
async def client(control_planes: ControlPlanes, namespace: str, log: RecordingLog) -> AsyncIterator[ClusterClient]:
    """A client of spoke-1, which has the test's namespace."""
    assert namespace
    async with connected(control_planes.spoke_1.kubeconfig, log) as ready:
        yield ready
