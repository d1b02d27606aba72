"""Operations in words, in columns and in JSON."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console

from fleet.audit.facts import Tag
from fleet.cli import operations, trail
from fleet.cli.operations import HEADINGS, NARROW_HEADINGS, WIDE_HEADINGS, Form
from fleet.kube.resources import ObjectRef
from tests.unit.cli.entries import entry

if TYPE_CHECKING:
    from fleet.audit.query import AuditEntry
    from fleet.cli.trail import Operation

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOTHING: dict[str, Any] = {"instance": None, "instance_kind": None, "node": None, "transform": None, "ref": None}


def operation(found: AuditEntry) -> Operation:
    [one] = trail.joined([found])
    return one


def words(found: AuditEntry) -> list[str]:
    return [str(cell) for cell in operations.cells(operation(found), at=AT)]


def test_a_write_tells_what_where_when_why_how_long_and_how_it_ended() -> None:
    assert words(entry(1, Tag.OBJECT_APPLY_OUTCOME, at=AT, duration_ms=0.0)) == [
        "12:00:00.000",
        "spoke-1",
        "apply Deployment team-a/shop",
        "WebService team-a/shop, node deployment",
        "the graph's node",
        "0 ms",
        "done",
    ]


def test_what_failed_says_why_and_what_has_not_ended_is_marked() -> None:
    assert words(entry(1, Tag.OBJECT_APPLY_OUTCOME, at=AT, duration_ms=1.0, error="no"))[-1] == "failed: no"
    assert words(entry(1, Tag.OBJECT_APPLY_INTENT, at=AT))[-1] == "UNFINISHED"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (Tag.STATUS_UPDATE_OUTCOME, "status of Deployment team-a/shop"),
        (Tag.OBJECT_DELETE_INTENT, "delete Deployment team-a/shop"),
        (Tag.INSTANCE_RENDER_FAILED, "render failed of Deployment team-a/shop"),
        ("planet:orbit:left", "orbit Deployment team-a/shop"),  # written by a later version of the fleet
    ],
)
def test_what(tag: str, expected: str) -> None:
    assert operations.what(entry(1, tag, at=AT)) == expected


def test_every_fact_has_words() -> None:
    facts = [tag for tag in Tag if not tag.startswith(("object:", "status:"))]
    for tag in facts:
        assert operations.what(entry(1, tag, at=AT, **NOTHING)) != tag


def test_objects_without_a_namespace_and_long_kinds_are_short() -> None:
    ref = ObjectRef(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name="a.example.com")
    found = entry(1, Tag.OBJECT_APPLY_INTENT, at=AT, ref=ref, instance=None, node=None)
    assert operations.what(found) == "apply CRD a.example.com"
    assert operations.on_behalf_of(found) == "Transform webservice"


def test_what_concerns_nobody_has_empty_cells() -> None:
    assert words(entry(1, Tag.CLUSTER_REGISTERED, at=AT, reason="its cluster file", **NOTHING)) == [
        "12:00:00.000",
        "spoke-1",
        "registered the cluster",
        "",
        "its cluster file",
        "",
        "",
    ]


def test_every_form_has_a_cell_for_each_heading() -> None:
    one = operation(entry(1, Tag.CLUSTER_HEALTH_CHANGED, at=AT, detail={"version": "v1.36.3"}))
    assert len(operations.cells(one, at=AT)) == len(HEADINGS)
    wide = operations.cells(one, form=Form.WIDE, at=AT)
    assert len(wide) == len(WIDE_HEADINGS)
    assert wide[-1] == "version=v1.36.3"


def test_json_has_everything_that_is_known_and_nothing_else() -> None:
    document = operations.document(operation(entry(1, Tag.OBJECT_APPLY_OUTCOME, at=AT, duration_ms=12.5)))
    assert document == {
        "operation": "op-1",
        "what": "object:apply",
        "result": "done",
        "startedAt": "2026-11-24T11:59:59.987Z",
        "durationMs": 12.5,
        "cluster": "spoke-1",
        "object": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "team-a", "name": "shop"},
        "transform": "webservice",
        "revision": 3,
        "instance": "team-a/shop",
        "instanceKind": "WebService",
        "node": "deployment",
        "reason": "the graph's node",
    }
    msgspec.json.encode(document)
    noted = operations.document(operation(entry(1, Tag.CLUSTER_REGISTERED, at=AT, **NOTHING)))
    assert noted["what"] == "cluster:registration:added"
    assert "object" not in noted


def test_a_narrow_terminal_has_the_cause_in_a_line_of_its_own() -> None:
    failed = operation(entry(1, Tag.OBJECT_APPLY_OUTCOME, at=AT, duration_ms=0.0, error="spoke-1: forbidden"))
    assert [str(cell) for cell in operations.narrow_cells(failed, at=AT)] == [
        "12:00:00.000",
        "spoke-1",
        (
            "apply Deployment team-a/shop\n"
            "  for WebService team-a/shop, node deployment: the graph's node\n"
            "spoke-1: forbidden"
        ),
        "0 ms",
        "failed",
    ]
    noted = operation(entry(1, Tag.CLUSTER_REGISTERED, at=AT, reason="its cluster file", **NOTHING))
    assert operations.narrow_cells(noted, at=AT)[2] == "registered the cluster\n  its cluster file"


@pytest.mark.parametrize(("width", "headings"), [(200, HEADINGS), (100, NARROW_HEADINGS)])
def test_the_table_fits_the_terminal(width: int, headings: tuple[str, ...]) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, color_system=None)
    found = operation(entry(1, Tag.OBJECT_APPLY_OUTCOME, at=AT, duration_ms=0.0))
    operations.show(console, [found], at=AT)
    assert re.split(r"  +", file.getvalue().splitlines()[0].strip()) == list(headings)
