"""Intents and outcomes that belong together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.audit.facts import Tag
from fleet.cli import trail
from fleet.cli.trail import Result
from tests.unit.cli.entries import entry

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_an_intent_and_its_outcome_are_one_operation() -> None:
    intent = entry(1, Tag.OBJECT_APPLY_INTENT, at=START)
    outcome = entry(2, Tag.OBJECT_APPLY_OUTCOME, at=START + timedelta(seconds=1), duration_ms=900.0)
    for order in ([intent, outcome], [outcome, intent]):
        [operation] = trail.joined(order)
        assert operation.entry == outcome
        assert operation.started_at == START
        assert operation.result is Result.DONE


def test_an_outcome_alone_knows_when_it_began() -> None:
    [operation] = trail.joined([entry(2, Tag.OBJECT_APPLY_OUTCOME, at=START, duration_ms=250.0)])
    assert operation.started_at == START - timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("tag", "fields", "expected"),
    [
        (Tag.OBJECT_DELETE_INTENT, {}, Result.UNFINISHED),
        (Tag.OBJECT_DELETE_OUTCOME, {"duration_ms": 1.0}, Result.DONE),
        (Tag.OBJECT_DELETE_OUTCOME, {"duration_ms": 1.0, "error": "forbidden"}, Result.FAILED),
        (Tag.CLUSTER_REGISTERED, {}, Result.NOTED),
        (Tag.CLUSTER_HEALTH_CHANGED, {"error": "no answer"}, Result.FAILED),
    ],
)
def test_how_an_operation_ended(tag: Tag, fields: dict[str, Any], expected: Result) -> None:
    [operation] = trail.joined([entry(1, tag, at=START, **fields)])
    assert operation.result is expected


def test_operations_stand_in_the_order_in_which_they_are_first_spoken_of() -> None:
    entries = [
        entry(1, Tag.OBJECT_APPLY_INTENT, at=START, operation="a"),
        entry(2, Tag.OBJECT_APPLY_INTENT, at=START, operation="b"),
        entry(3, Tag.OBJECT_APPLY_OUTCOME, at=START, operation="b", duration_ms=1.0),
        entry(4, Tag.OBJECT_APPLY_OUTCOME, at=START, operation="a", duration_ms=1.0),
    ]
    assert [each.entry.id for each in trail.joined(entries)] == [4, 3]
