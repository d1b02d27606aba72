from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from fleet.kube.objects import LiveObject
from fleet.render import status as statuses
from fleet.render.status import Outcome

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def live(kind: str, *, generation: int = 1, **body: object) -> LiveObject:
    metadata = {"name": kind.lower(), "namespace": "ns", "generation": generation}
    return LiveObject.decode(msgspec.json.encode({"apiVersion": "v1", "kind": kind, "metadata": metadata, **body}))


def graph(phase: str, *, observed: int = 1, **status: object) -> LiveObject:
    return live("Graph", status={"phase": phase, "observedGeneration": observed, **status})


def built(of: LiveObject | None, outcome: Outcome, before: dict[str, Any] | None = None) -> dict[str, Any]:
    web, graph_status = live("Web", generation=7, status=before or {}), of.body["status"] if of else {}
    return statuses.build(web, of, outcome, graph_status=graph_status, now=NOW)


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {each["type"]: (each["status"], each["reason"], each["message"]) for each in status["conditions"]}


def test_ready_when_the_graph_is_completed() -> None:
    nodes = {"a": {"phase": "Ready"}, "b": {"phase": "Adopted"}}
    status = built(graph("Completed", nodes=nodes), Outcome(projected={"address": "10.0.0.1"}))

    assert (status["phase"], status["graph"], status["observedGeneration"]) == ("Ready", "graph", 7)
    assert status["address"] == "10.0.0.1"
    assert {name: held for name, (held, *_) in conditions(status).items()} == {
        "Rendered": "True",
        "Applied": "True",
        "Ready": "True",
    }


def test_what_a_graph_says_of_an_older_generation_counts_for_nothing() -> None:
    status = built(graph("Completed", observed=0), Outcome(projected={}))

    assert status["phase"] == "Progressing"
    assert conditions(status)["Ready"][0] == "False"


def test_what_blocks_the_graph_blocks_the_instance() -> None:
    nodes = {"a": {"phase": "Ready"}, "b": {"phase": "WaitingReady"}}
    status = built(graph("Executing", nodes=nodes, blockedBy="node b: 0 of 1"), Outcome(projected={}))

    assert (status["phase"], status["blockedBy"]) == ("Progressing", "node b: 0 of 1")
    assert conditions(status)["Applied"][0] == "True", "every node is applied"
    assert conditions(status)["Ready"] == ("False", "InProgress", "node b: 0 of 1")


def test_a_failed_render_keeps_what_was_projected_last() -> None:
    outcome = Outcome(error="spec.port: out of bound", error_reason="InputError")
    status = built(graph("Completed"), outcome, before={"address": "10.0.0.1", "phase": "Ready"})

    assert (status["phase"], status["blockedBy"]) == ("Failed", "spec.port: out of bound")
    assert status["address"] == "10.0.0.1"
    assert conditions(status)["Rendered"] == ("False", "InputError", "spec.port: out of bound")


def test_a_module_cannot_write_what_the_fleet_writes() -> None:
    status = built(None, Outcome(projected={"phase": "Wonderful", "conditions": [], "address": "x"}))

    assert (status["phase"], status["address"]) == ("Pending", "x")
    assert conditions(status).keys() == {"Rendered", "Applied", "Ready"}


def test_suspended_is_a_phase_of_its_own() -> None:
    status = built(graph("Completed"), Outcome(suspended=True), before={"address": "x"})

    assert (status["phase"], status["address"]) == ("Suspended", "x")


def test_what_keeps_a_render_from_coming_about_is_said_and_is_no_failure() -> None:
    before = {"phase": "Ready", "address": "10.0.0.1"}
    status = built(graph("Completed"), Outcome(trouble="the API server is away"), before)

    assert (status["phase"], status["blockedBy"]) == ("Ready", "the API server is away")
    assert status["address"] == "10.0.0.1", "what was projected last stays"
    assert built(None, Outcome(trouble="a webhook hangs"))["blockedBy"] == "a webhook hangs"
