"""Graphs that are large, and objects that are too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.graphs import config_map, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.graphs import Bench

NODES = 1000

# 1,000 nodes in a tree: each waits for the one at a tenth of its number.
FOREST = f"""
import "list"
#Meta: kind: "Forest"
#Input: text: string
#Render: {{
	input: {{metadata: {{name: string, namespace: string}}, spec: #Input}}
	output: nodes: [for i in list.Range(0, {NODES}, 1) {{
		id: "n\\(i)"
		if i > 0 {{dependsOn: ["n\\(div(i, 10))"]}}
		object: {{
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: "\\(input.metadata.name)-\\(i)"
			data: text: input.spec.text
		}}
	}}]
}}
"""


@pytest.mark.timeout(180)
def test_a_graph_of_a_thousand_nodes(bench: Bench) -> None:
    bench.transform("forest", FOREST)
    bench.apply("forest", kind="Forest", text="one")
    bench.until_ready("forest", kind="Forest", deadline_s=90)
    graph = bench.graph("forest", kind="Forest") or {}
    assert graph["status"]["summary"] == f"{NODES}/{NODES}"
    assert len(graph["status"]["nodes"]) == NODES
    assert count(bench, "one") == NODES

    bench.apply("forest", kind="Forest", text="two")
    until(lambda: count(bench, "two") == NODES, deadline_s=60, pause_s=0.5)
    bench.until_ready("forest", kind="Forest", deadline_s=60)
    bench.delete("forest", kind="Forest")
    bench.until_gone("forest", kind="Forest", deadline_s=60)
    assert count(bench, "two") == 0
    assert bench.sql("SELECT count(*) FROM inventory WHERE namespace = ?", bench.namespace) == [(0,)]


def count(bench: Bench, text: str) -> int:
    """How many ConfigMaps of the graph say ``text``."""
    found = bench.view.list(
        "v1", "ConfigMap", namespace=bench.namespace, label_selector="platform.pequod.io/graph"
    )
    return sum(each["data"]["text"] == text for each in found)


def refused(bench: Bench, *, length: int) -> str:
    """Make an instance whose graph has a text of this length twice, and give what is told of its failure."""
    bench.transform("twice", TWICE)
    bench.apply("big", kind="Twice", text="x" * length)
    told = until(lambda: bench.status("big", kind="Twice").get("blockedBy"))
    assert bench.status("big", kind="Twice")["phase"] == "Failed"
    return str(told)


def graph_rows(bench: Bench, *, tag: str) -> list[tuple[int]]:
    """How many rows with such a tag the audit log has about the graph of "big"."""
    return bench.sql(
        "SELECT count(*) FROM audit_log WHERE name = 'twice-big' AND namespace = ? AND tag LIKE ?",
        bench.namespace,
        tag,
    )


def test_an_object_that_grows_too_big_in_the_api_server_is_refused_once(bench: Bench) -> None:
    # Just below the limit, and above it with what the API server adds for itself.
    assert "request is too large; split it" in refused(bench, length=785_900)
    assert graph_rows(bench, tag="%:apply:intent") == [(1,)], "and not again and again"


def test_an_object_that_is_too_big_is_refused_before_it_is_sent(bench: Bench) -> None:
    # The instance is small enough; its graph, which has the text twice, is not.
    assert "etcd takes 1,572,864" in refused(bench, length=900_000)
    assert graph_rows(bench, tag="object:apply:%") == [(0,)]

    bench.apply("big", kind="Twice", text="small")
    bench.until_ready("big", kind="Twice")


TWICE = """
#Meta: kind: "Twice"
#Input: text: string
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	output: nodes: [for part in ["a", "b"] {
		id: part
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: "\\(input.metadata.name)-\\(part)"
			data: text: input.spec.text
		}
	}]
}
"""


def test_one_object_that_the_cluster_refuses_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.bundle(
        "web",
        node("wrong", config_map("Not A Name")),
        node("right", config_map("right")),
        node("behind", config_map("behind"), dependsOn=["wrong"]),
    )
    told = bench.until_blocked("web", "node wrong", "behind it: behind")
    assert "lowercase RFC 1123" in told
    until(lambda: bench.node("web", "right").get("phase") == "Ready")
    assert bench.data("behind") is None
