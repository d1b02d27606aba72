from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import Terminal
from fleet.graph.model import ConflictPolicy, DeletionPolicy, GraphError, Mode, Severity, parse_spec

SOURCE = {"apiVersion": "a/v1", "kind": "K", "name": "n", "namespace": "ns", "uid": "u"}


def spec(*nodes: object, **fields: object) -> dict[str, Any]:
    return {
        "sourceRef": SOURCE,
        "revision": {"transform": "t", "number": 1},
        "renderHash": "sha256:x",
        "nodes": list(nodes),
        **fields,
    }


def test_what_a_node_does_not_say_has_a_default() -> None:
    (node,) = parse_spec(spec({"id": "a", "object": {}})).nodes

    assert (node.apply_policy.mode, node.apply_policy.conflict_policy) == (Mode.APPLY, ConflictPolicy.ERROR)
    assert node.apply_policy.field_manager == "pequod-fleet"
    assert (node.depends_on, node.ready_when, node.deletion_policy) == ((), (), DeletionPolicy.DELETE)
    assert node.retry_policy.max_attempts == 8


def test_everything_that_a_spec_can_say() -> None:
    node = {
        "id": "a",
        "object": {"kind": "Deployment"},
        "applyPolicy": {"mode": "Adopt", "conflictPolicy": "Force", "fieldManager": "me"},
        "dependsOn": ["b"],
        "readyWhen": [
            {"type": "Exists"},
            {"type": "ConditionMatch", "condition": "Ready", "status": "False", "timeoutSeconds": 5},
        ],
        "retryPolicy": {"maxAttempts": 2, "initialDelaySeconds": 1, "maxDelaySeconds": 3},
        "deletionPolicy": "Orphan",
    }
    parsed = parse_spec(
        spec(
            node,
            waiting=[{"node": "b", "paths": ["object.spec.x"]}],
            violations=[{"path": "p", "message": "m", "severity": "Warning"}],
        )
    )

    (read,) = parsed.nodes
    assert (read.apply_policy.field_manager, read.depends_on, read.ready_when[1].timeout_seconds) == (
        "me",
        ("b",),
        5,
    )
    assert read.ready_when[1].status == "False"
    assert (read.retry_policy.max_attempts, read.retry_policy.max_delay_seconds) == (2, 3)
    assert parsed.waiting[0].paths == ("object.spec.x",)
    assert parsed.violations[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (None, "spec: "),
        ({}, "sourceRef"),
        (spec(nodes=[{"object": {}}]), "`$.nodes[0]`"),
        (spec({"id": 7, "object": {}}), "`$.nodes[0].id`"),
        (spec({"id": "a", "object": []}), "`$.nodes[0].object`"),
        (spec({"id": "a", "object": {}, "applyPolicy": {"mode": "Perhaps"}}), "`$.nodes[0].applyPolicy.mode`"),
        (spec({"id": "a", "object": {}, "readyWhen": [{"type": "Soon"}]}), "`$.nodes[0].readyWhen[0].type`"),
        (spec({"id": "a", "object": {}, "readyWhen": [{"type": "ConditionMatch"}]}), "`$.nodes[0].readyWhen[0]`"),
        (spec({"id": "a", "object": {}, "dependsOn": [1]}), "`$.nodes[0].dependsOn[0]`"),
        (spec(revision={"transform": "t", "number": "one"}), "`$.revision.number`"),
    ],
)
def test_an_error_names_the_field(broken: object, where: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_spec(broken)

    assert isinstance(caught.value, Terminal)
    assert str(caught.value).startswith("spec: ")
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ({"type": "ConditionMatch"}, "a ConditionMatch needs the name of a condition"),
        ({"type": "Expression"}, "an Expression needs an expression in CEL"),
    ],
)
def test_a_predicate_says_what_it_lacks(predicate: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        parse_spec(spec({"id": "a", "object": {}, "readyWhen": [predicate]}))


def test_an_expression_is_taken() -> None:
    predicate = {"type": "Expression", "expression": "object.status.ok"}

    (node,) = parse_spec(spec({"id": "a", "object": {}, "readyWhen": [predicate]})).nodes

    assert node.ready_when[0].expression == "object.status.ok"


def test_the_digest_is_of_what_is_applied_and_nothing_else() -> None:
    def digest(**fields: object) -> str:
        return parse_spec(spec({"id": "a", "object": {"x": 1, "y": 2}, **fields})).nodes[0].digest()

    assert digest() == digest(object={"y": 2, "x": 1})
    assert digest() == digest(dependsOn=["b"], readyWhen=[{"type": "Exists"}], deletionPolicy="Orphan", id="other")
    assert digest() != digest(object={"x": 1, "y": 3})
    assert digest() == digest(applyPolicy={"conflictPolicy": "Force"})
    assert digest() != digest(applyPolicy={"fieldManager": "other"})
    assert digest() != digest(applyPolicy={"mode": "Create"})
