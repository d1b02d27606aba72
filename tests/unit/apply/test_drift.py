from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fleet.apply import drift
from fleet.apply.drift import NEVER_HEALED, Drift
from tests.unit.apply.graphs import live

if TYPE_CHECKING:
    from fleet.kube.objects import LiveObject

EARLIER, NOW = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)
MANIFEST = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2, "paused": False}}


def owned(*managers: tuple[str, str, dict[str, Any]], **spec: object) -> LiveObject:
    fields = [
        {"manager": manager, "operation": "Apply", "subresource": subresource, "fieldsV1": {"f:spec": tree}}
        for manager, subresource, tree in managers
    ]
    return live({"metadata": {"name": "x", "managedFields": fields}, "spec": spec})


def found(seen: LiveObject, *before: Drift) -> tuple[Drift, ...]:
    return drift.find(MANIFEST, seen, manager="us", before=before, now=NOW)


def test_a_field_that_we_own_has_not_drifted_whatever_its_value_looks_like() -> None:
    assert found(owned(("us", "", {"f:replicas": {}, "f:paused": {}}), replicas="2")) == ()


def test_a_field_that_somebody_took_is_told_with_all_that_is_known() -> None:
    seen = owned(("us", "", {"f:replicas": {}}), ("editor", "", {"f:paused": {}}), replicas=2, paused=True)
    (first,) = found(seen)

    assert first == Drift(path=".spec.paused", wanted="false", found="true", manager="editor", first_seen=NOW)
    known = Drift(path=".spec.paused", wanted="", found="", manager="", first_seen=EARLIER)
    assert found(seen, known)[0].first_seen == EARLIER


def test_a_field_that_is_gone_was_removed_by_somebody() -> None:
    (gone,) = found(owned(("us", "", {"f:replicas": {}}), replicas=2))

    assert (gone.found, gone.manager) == ("", "somebody who removed it")


def test_what_the_scale_subresource_set_is_no_drift_and_not_applied() -> None:
    scaled = owned(("us", "", {"f:paused": {}}), ("autoscaler", "scale", {"f:replicas": {}}), replicas=5)

    assert found(scaled) == ()
    assert drift.left_to_others(MANIFEST, scaled)["spec"] == {"paused": False}
    assert drift.left_to_others(MANIFEST, owned(("us", "", {"f:replicas": {}}))) == MANIFEST


def test_long_values_are_cut() -> None:
    manifest = {"spec": {"text": "x" * 1000}}
    (cut,) = drift.find(manifest, owned(), manager="us", before=(), now=NOW)

    assert len(cut.wanted) == drift.MAX_SHOWN


def test_healing_pauses_longer_and_longer_and_forgets_after_a_long_peace() -> None:
    healing, now = NEVER_HEALED, 1000.0
    pauses = []
    for _ in range(12):
        pauses.append(healing.pause_s(now))
        now += pauses[-1]
        healing = healing.healed(now)

    assert pauses[:6] == [0, 0, 0, 30, 60, 120]
    assert pauses[-1] == drift.LONGEST_PAUSE_S
    assert healing.healed(now + 3 * drift.LONGEST_PAUSE_S).count == 1
