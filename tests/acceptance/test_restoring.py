"""A cluster whose etcd is restored from a backup: what was known of it is not so any more."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fleet.local.localfleet import ETCD_DATA, LocalFleet
from tests.harness.clusters import View
from tests.harness.graphs import BUNDLE, PLATFORM, Bench, config_map, node
from tests.harness.hub import HubProcess
from tests.harness.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.local.binaries import Binaries


def test_a_restored_cluster_is_looked_at_anew(tmp_path: Path, control_plane_binaries: Binaries) -> None:
    etcd, backup = tmp_path / "fleet" / ETCD_DATA, tmp_path / "backup"

    def clusters() -> LocalFleet:
        """The same cluster each time, on the same port."""
        return LocalFleet(tmp_path / "fleet", binaries=control_plane_binaries, names=("here",))

    hub = HubProcess(tmp_path, database_url=f"sqlite:///{tmp_path / 'fleet.db'}")
    try:
        with clusters() as fleet, View(fleet["here"].kubeconfig) as view:
            hub.register("here", fleet["here"].kubeconfig, roles=["hub", "spoke"])
            hub.start()
            until(lambda: view.serves(PLATFORM, "Transform"))
            bench = Bench(hub=hub, view=view, namespace="default")
            bench.transform("bundle", BUNDLE)
            bench.bundle("web", node("one", config_map("one", key="before")))
            bench.bundle("old", node("old", config_map("old", key="before")))
            bench.until_ready("web")
            bench.until_ready("old")
        shutil.copytree(etcd, backup)

        with clusters() as fleet, View(fleet["here"].kubeconfig) as view:
            bench = bench.on(view)
            until(
                lambda: hub.ask("/metrics")[1], lambda text: 'fleet_cluster_reachable{cluster="here"} 1.0' in text
            )
            bench.bundle("web", node("one", config_map("one", key="lost")))
            until(lambda: bench.data("one"), lambda data: data == {"key": "lost"})
            bench.delete("old")
            bench.until_gone("old")
        shutil.rmtree(etcd)
        shutil.move(backup, etcd)

        with clusters() as fleet, View(fleet["here"].kubeconfig) as view:
            bench = bench.on(view)
            bench.bundle("web", node("one", config_map("one", key="after")))
            until(lambda: bench.data("one"), lambda data: data == {"key": "after"}, deadline_s=60)
            bench.delete("old")
            bench.until_gone("old", deadline_s=60)
            assert bench.data("old") is None
            told = bench.sql("SELECT count(*) FROM audit_log WHERE error LIKE '%restored to an earlier state%'")
            assert told[0][0] > 0
    finally:
        hub.stop()
        shutil.rmtree(tmp_path / "fleet", ignore_errors=True)
