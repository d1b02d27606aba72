from datetime import UTC, datetime

import pytest

from fleet.audit.facts import INTENT_TAGS, Fact, Tag, fact_row, intent_row, outcome_row
from fleet.audit.tables import AuditRow
from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, OperationId, Verb, Write, WriteOutcome
from fleet.store.base import table_of

AT = datetime(2026, 5, 1, tzinfo=UTC)
OPERATION = OperationId("1-1")
CAUSE = Cause(
    reason="node deployment is not applied yet",
    transform=TransformName("webservice"),
    revision=3,
    instance_uid=InstanceUid("i-1"),
    instance="team-a/shop",
    instance_kind="WebService",
    graph_uid=GraphUid("g-1"),
    node=NodeId("deployment"),
)


def write(verb: Verb = Verb.APPLY) -> Write:
    ref = ObjectRef(api_version="apps/v1", kind="Deployment", namespace="team-a", name="shop")
    return Write(cluster=ClusterName("spoke-1"), verb=verb, ref=ref, cause=CAUSE)


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_has_an_intent_and_an_outcome(verb: Verb) -> None:
    intent = intent_row(write(verb), operation=OPERATION, at=AT)
    outcome = outcome_row(write(verb), outcome=WriteOutcome(duration_s=1), operation=OPERATION, at=AT)

    assert intent["tag"] in INTENT_TAGS
    assert outcome["tag"] == intent["tag"].replace("intent", "outcome")
    assert outcome["tag"] in list(Tag)


def test_a_row_fills_every_column_that_the_database_does_not() -> None:
    columns = {column.name for column in table_of(AuditRow).columns} - {"id"}

    assert set(intent_row(write(), operation=OPERATION, at=AT)) == columns
    assert set(outcome_row(write(), outcome=WriteOutcome(duration_s=1), operation=OPERATION, at=AT)) == columns
    assert set(fact_row(Fact(tag=Tag.GRAPH_FAILED, cause=CAUSE), operation=OPERATION, at=AT)) == columns


def test_an_outcome_says_all_that_is_known() -> None:
    outcome = WriteOutcome(error="denied by webhook", resource_version="42", duration_s=0.0123456)

    row = outcome_row(write(), outcome=outcome, operation=OPERATION, at=AT)

    assert row == {
        "at": AT,
        "operation": "1-1",
        "tag": "object:apply:outcome",
        "cluster": "spoke-1",
        "transform": "webservice",
        "revision": 3,
        "instance_uid": "i-1",
        "instance_kind": "WebService",
        "instance": "team-a/shop",
        "graph_uid": "g-1",
        "node": "deployment",
        "api_version": "apps/v1",
        "kind": "Deployment",
        "namespace": "team-a",
        "name": "shop",
        "reason": "node deployment is not applied yet",
        "error": "denied by webhook",
        "resource_version": "42",
        "duration_ms": 12.346,
        "detail": None,
    }


def test_text_that_a_database_cannot_hold_is_replaced_and_the_rest_kept() -> None:
    outcome = WriteOutcome(error="a\0b\ud800c é", duration_s=1)

    assert (
        outcome_row(write(), outcome=outcome, operation=OPERATION, at=AT)["error"]
        == "a\N{REPLACEMENT CHARACTER}b?c é"
    )


def test_tags_have_source_subject_and_action() -> None:
    assert all(len(tag.split(":")) == 3 for tag in Tag)
