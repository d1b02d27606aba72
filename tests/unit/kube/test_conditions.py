from __future__ import annotations

import random
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from fleet.kube.conditions import (
    MAX_MESSAGE,
    Condition,
    holds,
    merge_patch,
    merged,
    parse_rfc3339,
    rfc3339,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ready(*, holds: bool | None = True) -> Condition:
    return Condition(type="Ready", holds=holds, reason="R", message="m")


def test_a_condition_keeps_its_time_for_as_long_as_its_status() -> None:
    first = merged([], [ready()], generation=1, now=NOW)
    same = merged(first, [ready()], generation=2, now=NOW + timedelta(hours=1))
    other = merged(same, [ready(holds=None)], generation=2, now=NOW + timedelta(hours=1))

    assert first == [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-05-01T12:00:00Z",
            "reason": "R",
            "message": "m",
        }
    ]
    assert (same[0]["lastTransitionTime"], same[0]["observedGeneration"]) == ("2026-05-01T12:00:00Z", 2)
    assert (other[0]["lastTransitionTime"], other[0]["status"]) == ("2026-05-01T13:00:00Z", "Unknown")


def test_what_others_put_there_is_kept_even_where_it_is_incomplete() -> None:
    theirs = [{"type": "Theirs"}, {"type": "Ready", "status": "True"}, {}]

    result = merged(theirs, [ready()], generation=1, now=NOW)

    assert [each.get("type") for each in result] == ["Ready", "Theirs", None]
    assert result[0]["lastTransitionTime"] == "2026-05-01T12:00:00Z"


def test_a_long_message_is_cut() -> None:
    long = Condition(type="Ready", holds=False, reason="R", message="x" * (MAX_MESSAGE + 1))

    assert len(merged([], [long], generation=1, now=NOW)[0]["message"]) == MAX_MESSAGE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, True),
        ({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False),
        ({"status": {"conditions": [{"type": "Other", "status": "True"}, {}]}}, False),
        ({"status": {"conditions": None}}, False),
        ({"status": None}, False),
        ({}, False),
    ],
)
def test_whether_a_condition_holds(body: dict[str, Any], expected: bool) -> None:
    assert holds(body, "Ready") is expected


def test_times_are_utc_in_whole_seconds() -> None:
    zurich = datetime(2026, 5, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert rfc3339(zurich) == "2026-05-01T12:00:00Z"
    assert parse_rfc3339(rfc3339(zurich)) == NOW


def apply(target: object, patch: object) -> object:
    """MergePatch of RFC 7386, section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply(result.get(name), value)
    return result


# RFC 7386, appendix A, where both documents are objects: original, patch, result.
RFC_EXAMPLES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("original", "patch", "result"), RFC_EXAMPLES)
def test_the_patch_turns_the_original_into_the_result_of_the_rfc(
    original: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    assert apply(original, patch) == result  # the yardstick itself
    assert apply(original, merge_patch(original, result)) == result


def document(chance: random.Random, depth: int) -> dict[str, Any]:
    def value(depth: int) -> object:
        kinds = [chance.randint(0, 2), "x", True, [1, {"a": None}], []]
        return document(chance, depth - 1) if depth and chance.random() < 0.5 else chance.choice(kinds)

    return {key: value(depth) for key in "abcd" if chance.random() < 0.6}


@pytest.mark.parametrize("seed", range(200))
def test_any_document_becomes_any_other_and_equal_ones_need_no_patch(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice
    current, wanted = document(chance, 3), document(chance, 3)
    before = deepcopy((current, wanted))

    assert apply(current, merge_patch(current, wanted)) == wanted
    assert merge_patch(wanted, wanted) == {}
    assert (current, wanted) == before


def test_a_field_that_is_wanted_null_is_wanted_gone_and_asked_for_once() -> None:
    wanted = {"a": None, "b": {"c": None, "d": 1}}

    assert merge_patch({"a": 1, "b": {"c": 2}}, wanted) == {"a": None, "b": {"c": None, "d": 1}}
    assert merge_patch({"b": {"d": 1}}, wanted) == {}
