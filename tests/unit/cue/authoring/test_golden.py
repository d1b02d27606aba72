from __future__ import annotations

from fleet.cue.authoring import golden
from fleet.cue.contract import Rendered, Violation
from fleet.cue.errors import InputError, Problem
from fleet.graph.model import GraphError


def test_a_graph_leaves_out_what_there_is_none_of() -> None:
    rendered = Rendered(metadata={}, nodes=(), violations=(Violation(message="m", severity="Warning"),))
    assert golden.of_graph(rendered) == {
        "nodes": [],
        "violations": [{"path": "", "message": "m", "severity": "Warning"}],
    }


def test_an_error_leaves_out_places_which_move_with_every_edit() -> None:
    problem = Problem(message="must be", file="m.cue", line=3, column=4, path="spec.a", expected="x", found="y")
    assert golden.of_error(InputError("no", problems=(problem,))) == {
        "error": {"kind": "InputError", "problems": [{"path": "spec.a", "message": "must be"}]}
    }
    assert golden.of_error(GraphError("a cycle")) == {
        "error": {"kind": "GraphError", "problems": [{"message": "a cycle"}]}
    }


def test_the_order_of_keys_is_no_difference_and_that_of_nodes_is() -> None:
    one = {"nodes": [{"id": "a", "object": {"x": 1, "y": 2}}, {"id": "b"}]}
    assert golden.same(one, {"nodes": [{"object": {"y": 2, "x": 1}, "id": "a"}, {"id": "b"}]})
    assert not golden.same(one, {"nodes": list(reversed(one["nodes"]))})


def test_the_difference_is_in_lines() -> None:
    lines = golden.diff({"nodes": [{"id": "a"}]}, {"nodes": [{"id": "b"}]})
    assert lines == ["--- expected", "+++ found", "@@ -1,2 +1,2 @@", " nodes:", "-- id: a", "+- id: b"]
