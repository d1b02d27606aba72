"""What is seen, in words. The acceptance test of the demo sees all of it on real clusters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.cli.demo import sights
from fleet.ids import ClusterName
from fleet.kube.connection import InCluster
from fleet.registry.clusters import Cluster, Health, Registration, Role

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def registered(health: Health | None) -> Registration:
    cluster = Cluster(
        name=ClusterName("one"),
        labels={},
        roles=frozenset({Role.SPOKE, Role.HUB}),
        connection=InCluster(),
        suspend=False,
        file=Path("clusters/one.yaml"),
        file_digest="sha256:0",
    )
    return Registration(
        cluster=cluster, registered_at=NOW, updated_at=NOW, detached_at=None, health=health, last_seen_at=None
    )


@pytest.mark.parametrize(
    ("found", "happened", "text"),
    [
        (None, False, "not registered"),
        (registered(None), False, "registered, not looked at yet"),
        (
            registered(Health(reachable=False, reason="refused", checked_at=NOW)),
            False,
            "registered, not reachable: refused",
        ),
        (
            registered(Health(reachable=True, version="v1.36.3", checked_at=NOW)),
            True,
            "registered as hub and spoke, and reachable",
        ),
    ],
)
def test_registration(found: Registration | None, happened: bool, text: str) -> None:
    sight = sights.registration(found)
    assert (sight.happened, sight.text) == (happened, text)


def test_difference_names_what_changed_and_nothing_else() -> None:
    before = {"image": "a:1", "port": 80, "replicas": 2}
    assert (
        sights.difference(before, {"image": "a:2", "port": 80, "replicas": 3}) == "image a:1 → a:2, replicas 2 → 3"
    )
    assert sights.difference(before, before) == ""
    assert sights.difference({}, {"port": 80}) == "port None → 80"
