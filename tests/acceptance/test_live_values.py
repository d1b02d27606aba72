"""Values that are only known once other nodes live: they are waited for, used, and followed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.graphs import Bench

# "source" is left as whoever edits it wants it; "copy" and the status have what it says.
COPYING = """
#Meta: kind: "Copy"
#Input: {}
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input, observed?: [string]: {...}}
	output: nodes: [{
		id: "source"
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: "source"
			data: other: "said at once"
		}
	}, {
		id: "copy"
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: "copy"
			data: said: input.observed.source.data.said
		}
	}, {
		id: "last"
		dependsOn: ["copy"]
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: "last"
			data: uid: input.observed.copy.metadata.uid
		}
	}]
	status: said: input.observed.source.data.said
}
"""


@pytest.fixture
def copying(bench: Bench) -> Bench:
    bench.transform("copy", COPYING)
    return bench


def say(bench: Bench, text: str) -> None:
    metadata = {"name": "source", "namespace": bench.namespace}
    bench.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"said": text}})


def test_a_node_waits_for_a_value_and_follows_it(copying: Bench) -> None:
    copying.apply("copy", kind="Copy")
    until(lambda: copying.data("source"))
    waiting = until(lambda: copying.status("copy", kind="Copy").get("blockedBy"))
    assert waiting == "node copy: waits for values of observed.source.data.said"
    assert copying.data("copy") is None
    assert "said" not in copying.status("copy", kind="Copy")

    say(copying, "hello")
    until(lambda: copying.data("copy") == {"said": "hello"})
    status = copying.until_ready("copy", kind="Copy")
    assert status["said"] == "hello", "projected onto the instance"
    copy = copying.find("ConfigMap", "copy")
    assert copy is not None
    assert copying.data("last") == {"uid": copy["metadata"]["uid"]}, "a chain of values"

    say(copying, "goodbye")
    until(lambda: copying.data("copy") == {"said": "goodbye"})
    until(lambda: copying.status("copy", kind="Copy").get("said") == "goodbye")
    copying.until_ready("copy", kind="Copy")


def test_there_are_at_most_as_many_renders_as_changes(copying: Bench) -> None:
    copying.apply("copy", kind="Copy")
    until(lambda: copying.data("source"))
    say(copying, "0")
    until(lambda: copying.data("last"))
    copying.until_ready("copy", kind="Copy")
    before = renders(copying)
    for number in range(1, 21):
        say(copying, str(number))
    until(lambda: copying.data("copy") == {"said": "20"})
    until(lambda: copying.status("copy", kind="Copy").get("said") == "20")
    # 20 changes of the source, and for each of them at most one of the copy.
    assert renders(copying) - before <= 40


def test_a_change_that_no_reference_sees_costs_no_render(copying: Bench) -> None:
    copying.apply("copy", kind="Copy")
    until(lambda: copying.data("source"))
    say(copying, "hello")
    copying.until_ready("copy", kind="Copy")
    until(lambda: copying.status("copy", kind="Copy").get("said") == "hello")
    before = renders(copying)
    metadata = {"name": "source", "namespace": copying.namespace, "annotations": {}}
    for number in range(20):
        metadata["annotations"] = {"example.com/number": str(number)}
        copying.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    say(copying, "goodbye")
    until(lambda: copying.status("copy", kind="Copy").get("said") == "goodbye")
    # One for what was said, and one for the copy of it, of which nothing is read but its uid.
    assert renders(copying) - before <= 2


def test_a_value_that_goes_away_takes_nothing_with_it(copying: Bench) -> None:
    copying.apply("copy", kind="Copy")
    until(lambda: copying.data("source"))
    say(copying, "hello")
    copying.until_ready("copy", kind="Copy")
    until(lambda: copying.data("last"))
    metadata = {"name": "source", "namespace": copying.namespace}
    copying.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"said": None}})
    until(
        lambda: copying.status("copy", kind="Copy").get("blockedBy"),
        lambda told: "waits for values of observed.source.data.said" in told,
    )
    assert copying.data("copy") == {"said": "hello"}, "a node that waits again is not pruned"


def renders(bench: Bench) -> int:
    """How many renders the hub has made so far."""
    _, metrics = bench.hub.ask("/metrics")
    found = re.findall(r"^fleet_renders_total\{.*\} ([0-9.e+]+)$", metrics, re.MULTILINE)
    return int(sum(float(each) for each in found))
