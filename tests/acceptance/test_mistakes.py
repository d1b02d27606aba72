"""Mistakes that are easily made while everything runs, and what they must not do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.acceptance.conftest import CRD, PLATFORM
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Platform

GRAPHS_CRD = "resourcegraphs.platform.pequod.io"


def until_port(platform: Platform, name: str, port: int, *, deadline_s: float = 30) -> None:
    """Change an instance of the first spoke, and wait until its Service has followed."""
    view = platform.views[0]
    view.apply(platform.instance(name, port=port))
    until(
        lambda: platform.child(view, "Service", name),
        lambda live: live["spec"]["ports"][0]["port"] == port,
        deadline_s=deadline_s,
    )


def test_a_second_hub_cluster_takes_nothing_out_of_force(platform: Platform) -> None:
    platform.apply_transform()
    file = platform.hub.register("a-hub", platform.planes.spoke_2.kubeconfig, roles=["hub"])  # sorts before hub
    told = until(lambda: platform.audit("SELECT reason FROM clusters WHERE name = 'a-hub' AND reachable = 0"))
    assert "hub is the hub cluster, and there is only one" in told[0][0]
    until_port(platform, "hello", 9090)
    assert platform.audit("SELECT count(*) FROM revisions WHERE withdrawn_at IS NOT NULL") == [(0,)]

    platform.hub.stop()
    platform.hub.start()
    until_port(platform, "hello", 7070)
    file.unlink()


def test_a_cluster_of_two_files_is_worked_on_under_one_name(platform: Platform) -> None:
    platform.apply_transform()
    file = platform.hub.register("again", platform.planes.spoke_1.kubeconfig, labels={"region": "eu"})
    told = until(lambda: platform.audit("SELECT reason FROM clusters WHERE name = 'again' AND reachable = 0"))
    assert "this is the cluster spoke-1 under another name" in told[0][0]
    until_port(platform, "hello", 9090)
    assert platform.audit("SELECT DISTINCT cluster FROM inventory") == [("spoke-1",)]

    (platform.hub.clusters / "spoke-1.yaml").unlink()
    until(
        lambda: platform.audit("SELECT reachable FROM clusters WHERE name = 'again'"),
        lambda rows: rows == [(1,)],
        deadline_s=60,
    )
    until_port(platform, "hello", 7070)
    file.unlink()
    platform.hub.register("spoke-1", platform.planes.spoke_1.kubeconfig, labels={"region": "eu"})


def test_the_crd_of_graphs_is_made_anew_with_every_graph(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform()
    view.apply(platform.instance("hello"))
    platform.until_ready(view, "hello")
    before = platform.child(view, "Service", "hello")

    view.delete(*CRD, GRAPHS_CRD)
    until(lambda: platform.child(view, "Service", "hello") != before)
    until(lambda: view.get(*CRD, GRAPHS_CRD), lambda crd: "deletionTimestamp" not in crd["metadata"])
    until(lambda: view.serves(PLATFORM, "ResourceGraph"))
    platform.until_ready(view, "hello", deadline_s=60)
    assert platform.child(view, "Service", "hello") is not None


def test_a_second_hub_does_not_start_on_the_same_file(platform: Platform) -> None:
    second = subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "fleet.cli", "hub", "--listen", "127.0.0.1:0"),
            *("--clusters", str(platform.hub.clusters), "--database", platform.hub.database_url),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert "another hub works with sqlite:///" in second.stderr
