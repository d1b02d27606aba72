"""Work that is suspended: an instance, or all of a Transform. What was made stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.graphs import config_map, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.graphs import Bench

SUSPENDED = {"platform.pequod.io/suspend": "true"}
SIMPLE = """
#Meta: kind: "Simple"
#Input: text: string
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	output: nodes: [{
		id: "one"
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: input.metadata.name
			data: text: input.spec.text
		}
	}]
}
"""


def edit(bench: Bench, name: str, **data: str) -> None:
    metadata = {"name": name, "namespace": bench.namespace}
    bench.view.merge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def with_web_suspended(bench: Bench, **data: str) -> None:
    """Two instances, of which "web" is then suspended, with this in its ConfigMap."""
    for name in ("web", "shop"):
        bench.bundle(name, node("one", config_map(name, key="wanted")))
        bench.until_ready(name)
    bench.bundle("web", node("one", config_map("web", **data)), annotations=SUSPENDED)
    until(lambda: bench.status("web").get("phase") == "Suspended")


def test_a_suspended_instance_is_left_alone_and_its_neighbour_is_not(bench: Bench) -> None:
    with_web_suspended(bench, key="changed")
    edit(bench, "web", key="edited")
    edit(bench, "shop", key="edited")
    until(lambda: bench.data("shop") == {"key": "wanted"})
    assert bench.data("web") == {"key": "edited"}, "neither the change nor the drift is worked on"

    bench.bundle("web", node("one", config_map("web", key="changed")))
    until(lambda: bench.data("web") == {"key": "changed"})
    bench.until_ready("web")


def test_a_suspended_instance_can_be_deleted(bench: Bench) -> None:
    bench.bundle("web", node("one", config_map("web")))
    bench.until_ready("web")
    bench.bundle("web", node("one", config_map("web")), annotations=SUSPENDED)
    until(lambda: bench.status("web").get("phase") == "Suspended")
    bench.delete("web")
    bench.until_gone("web")
    assert bench.data("web") is None


def test_a_suspended_transform_suspends_all_its_instances(bench: Bench) -> None:
    bench.transform("simple", SIMPLE)
    for name in ("a", "b"):
        bench.apply(name, kind="Simple", text="one")
        bench.until_ready(name, kind="Simple")
    bench.transform("simple", SIMPLE, suspend=True)
    for name in ("a", "b"):
        until(lambda name=name: bench.status(name, kind="Simple").get("phase") == "Suspended")  # type: ignore[misc]
        bench.apply(name, kind="Simple", text="two")
    bench.bundle("other", node("one", config_map("other")))
    bench.until_ready("other")
    assert bench.data("a") == {"text": "one"}

    bench.transform("simple", SIMPLE, suspend=False)
    for name in ("a", "b"):
        until(lambda name=name: bench.data(name) == {"text": "two"})  # type: ignore[misc]
        bench.until_ready(name, kind="Simple")


def test_a_suspended_instance_is_left_alone_by_a_hub_that_starts(bench: Bench) -> None:
    with_web_suspended(bench, key="wanted")
    bench.hub.stop()
    edit(bench, "web", key="edited")
    edit(bench, "shop", key="edited")
    bench.hub.start()
    until(lambda: bench.data("shop") == {"key": "wanted"})
    bench.bundle("last", node("one", config_map("last")))
    bench.until_ready("last")
    assert bench.data("web") == {"key": "edited"}, "what was edited while no hub looked is not worked on either"
