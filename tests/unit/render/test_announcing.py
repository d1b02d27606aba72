from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from fleet.ids import ClusterName
from fleet.kube.conditions import rfc3339
from fleet.kube.errors import AlreadyExists, Forbidden
from fleet.kube.objects import LiveObject
from fleet.kube.writes import Cause
from fleet.render.announcing import MAX_MESSAGE, PATIENCE_S, Announcer, build

if TYPE_CHECKING:
    from fleet.errors import FleetError
    from fleet.kube.client import ClusterClient

START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
CAUSE = Cause(reason="test")


class Recorder:
    """Takes what is created, or refuses it."""

    name = ClusterName("spoke")

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.error: FleetError | None = None

    async def create(self, _: object, manifest: dict[str, Any], *, cause: Cause) -> None:
        assert cause is CAUSE
        if self.error is not None:
            raise self.error
        self.events.append(manifest)


@pytest.fixture
def cluster() -> Recorder:
    return Recorder()


@pytest.fixture
def announcer(cluster: Recorder) -> Announcer:
    return Announcer(cast("ClusterClient", cluster))


def instance(generation: int = 1, name: str = "shop") -> LiveObject:
    metadata = {"name": name, "namespace": "team-a", "uid": "u-1", "generation": generation}
    body = {"apiVersion": "apps.example.com/v1", "kind": "WebService", "metadata": metadata}
    return LiveObject.decode(msgspec.json.encode(body))


def status(phase: str, blocked: str = "") -> dict[str, Any]:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(START)}
    return {"phase": phase, "conditions": [ready]} | ({"blockedBy": blocked} if blocked else {})


async def tell(
    announcer: Announcer, told: dict[str, Any], *, after_s: float = 0, generation: int = 1
) -> float | None:
    now = START + timedelta(seconds=after_s)
    return await announcer.announce(instance(generation), told, cause=CAUSE, now=now)


async def test_being_on_the_way_is_told_after_a_while_and_once(announcer: Announcer, cluster: Recorder) -> None:
    waiting = status("Progressing", "node deployment (Deployment shop): 0 of 2")

    assert await tell(announcer, waiting, after_s=1) == PATIENCE_S - 1
    assert cluster.events == []
    assert await tell(announcer, waiting, after_s=PATIENCE_S) is None
    await tell(announcer, status("Progressing", "node deployment (Deployment shop): 1 of 2"), after_s=20)

    (event,) = cluster.events
    assert (event["type"], event["reason"]) == ("Normal", "NotReady")
    assert event["message"] == "node deployment (Deployment shop): 0 of 2"
    assert event["involvedObject"]["uid"] == "u-1"


async def test_each_failure_is_told_at_once(announcer: Announcer, cluster: Recorder) -> None:
    for message in ("first", "first", "second"):
        await tell(announcer, status("Failed", message))

    assert [(each["type"], each["message"]) for each in cluster.events] == [
        ("Warning", "first"),
        ("Warning", "second"),
    ]


async def test_a_new_generation_is_told_anew(announcer: Announcer, cluster: Recorder) -> None:
    await tell(announcer, status("Failed", "no"), generation=1)
    await tell(announcer, status("Failed", "no"), generation=2)

    assert len({each["metadata"]["name"] for each in cluster.events}) == 2


@pytest.mark.parametrize("told", [status("Ready"), status("Suspended", "waits"), status("Pending")])
async def test_there_is_nothing_to_tell(announcer: Announcer, cluster: Recorder, told: dict[str, Any]) -> None:
    assert await tell(announcer, told, after_s=60) is None
    assert cluster.events == []


@pytest.mark.parametrize("error", [AlreadyExists("it is there"), Forbidden("no events for you")])
async def test_an_event_that_cannot_be_written_fails_nothing(
    announcer: Announcer, cluster: Recorder, error: FleetError
) -> None:
    cluster.error = error
    await tell(announcer, status("Failed", "no"))


def test_the_same_failure_has_the_same_name_after_a_restart() -> None:
    first, again, other = (
        build(instance(), reason="Failed", message=message, now=START)["metadata"]["name"]
        for message in ("a", "a", "b")
    )
    assert first == again != other


def test_it_stays_within_what_the_api_server_takes() -> None:
    event = build(instance(name="x" * 253), reason="Failed", message="long " * 1000, now=START)

    assert len(event["metadata"]["name"]) <= 253
    assert len(event["message"]) == MAX_MESSAGE
