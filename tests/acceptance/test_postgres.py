"""A hub whose memory is a PostgreSQL, as in a central deployment: the same life of an instance, over a SIGKILL."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.hub import HubProcess
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.conftest import Platform


def command(*arguments: str) -> str:
    """What a command of ``fleet`` prints."""
    line = [sys.executable, "-m", "fleet.cli", *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout  # noqa: S603


@pytest.fixture
def hub(tmp_path: Path, postgres_url: str) -> Iterator[HubProcess]:
    """A hub on a PostgreSQL database, in place of the one on SQLite; an operator makes its tables."""
    command("db", "upgrade", "--database", postgres_url)
    process = HubProcess(tmp_path, database_url=postgres_url)
    yield process
    if process.running:
        process.kill()


def fleet(platform: Platform, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """What a command of ``fleet`` reads from the database."""
    return json.loads(command(*arguments, "--database", platform.hub.database_url, "-o", "json"))


def test_an_instance_lives_through_a_killed_hub_and_sql_tells_its_story(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform()
    view.apply(platform.instance("hello"))
    platform.until_ready(view, "hello")

    platform.hub.kill()
    view.apply(platform.instance("hello", port=9090))
    platform.hub.start()
    until(lambda: platform.child(view, "Service", "hello"), lambda live: live["spec"]["ports"][0]["port"] == 9090)
    platform.until_ready(view, "hello")

    view.delete(*platform.kind, "hello", namespace=platform.namespace)
    until(lambda: platform.graph(view, "hello") is None)
    until(lambda: platform.child(view, "Deployment", "hello") is None)

    (transform,) = fleet(platform, "transforms")
    assert (transform["revision"], transform["clusters"]) == (1, {"selected": 2, "ready": 2, "failed": 0})
    assert {each["name"] for each in fleet(platform, "clusters")} == {"hub", "spoke-1", "spoke-2"}
    told = fleet(platform, "audit", "--instance", f"{platform.namespace}/hello", "--oldest")
    done = [(each["what"], each["object"]["kind"]) for each in told if each["result"] == "done"]
    assert done[:3] == [
        ("object:apply", "ResourceGraph"),
        ("object:apply", "Deployment"),
        ("object:apply", "Service"),
    ]
    assert [kind for what, kind in done if what == "object:delete"][-2:] == ["Service", "Deployment"]
