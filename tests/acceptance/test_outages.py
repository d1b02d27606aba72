"""What a fleet lives through: spokes that go and come back, hubs that are killed, files that change."""

from __future__ import annotations

from tests.acceptance.conftest import CRD, Platform
from tests.harness.waiting import until

# A chain: each node waits for the one before it to have a key that the test sets.
CHAIN = """
#Meta: kind: "WebService"
#Input: {image: string, port: int, replicas: int}
#Render: {
	input: {metadata: {name: string, namespace: string, ...}, spec: #Input, ...}
	output: nodes: [for i, n in ["a", "b", "c", "d", "e", "f"] {
		id: n
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: "\\(input.metadata.name)-\\(n)"
			data: port: "\\(input.spec.port)"
		}
		if i > 0 {dependsOn: [["a", "b", "c", "d", "e", "f"][i-1]]}
	}]
}
"""


def test_a_spoke_that_goes_down_and_comes_back(platform: Platform) -> None:
    one, two = platform.views
    platform.apply_transform()
    one.apply(platform.instance("before"))
    platform.until_ready(one, "before")

    platform.planes.spoke_1.stop()
    until(lambda: _reachable(platform, "spoke-1"), lambda reachable: reachable == "0.0", deadline_s=30)
    two.apply(platform.instance("meanwhile"))
    platform.until_ready(two, "meanwhile")
    assert platform.audit("SELECT reachable FROM clusters WHERE name = 'spoke-1'") == [(0,)]
    assert platform.audit(
        "SELECT count(*) FROM inventory WHERE cluster = 'spoke-1' AND namespace = ?", platform.namespace
    ) == [(2,)], "what cannot be seen is not gone"

    platform.planes.spoke_1.start()
    until(lambda: _reachable(platform, "spoke-1"), lambda reachable: reachable == "1.0", deadline_s=30)
    assert platform.child(one, "Service", "before") is not None
    one.apply(platform.instance("after"))
    platform.until_ready(one, "after", deadline_s=60)
    assert platform.audit("SELECT count(*) FROM audit_log WHERE tag LIKE 'object:delete:%'") == [(0,)]


def test_a_spoke_that_hangs_holds_up_nobody(platform: Platform) -> None:
    one, two = platform.views
    platform.apply_transform()
    platform.planes.spoke_1.pause()
    until(lambda: _reachable(platform, "spoke-1"), lambda reachable: reachable == "0.0", deadline_s=40)
    two.apply(platform.instance("hello"))
    platform.until_ready(two, "hello")
    platform.planes.spoke_1.resume()
    until(lambda: _reachable(platform, "spoke-1"), lambda reachable: reachable == "1.0", deadline_s=40)
    one.apply(platform.instance("hello"))
    platform.until_ready(one, "hello", deadline_s=60)


def test_a_hub_killed_in_the_middle_of_a_graph_goes_on_where_it_was(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform(cueRef={"type": "inline", "ref": CHAIN})
    for number in range(20):
        view.apply(platform.instance(f"chain-{number}"))

    def config_maps() -> int:
        found = view.list(
            "v1", "ConfigMap", namespace=platform.namespace, label_selector="platform.pequod.io/graph"
        )
        return len(found)

    until(config_maps, lambda count: count >= 5, pause_s=0.005)
    platform.hub.kill()
    assert config_maps() < 120, "the kill came too late to prove anything"

    platform.hub.start()
    platform.until_ready(view, *(f"chain-{number}" for number in range(20)), deadline_s=60)
    assert config_maps() == 120
    for number in range(20):
        view.delete(*platform.kind, f"chain-{number}", namespace=platform.namespace)
    until(config_maps, lambda count: count == 0, deadline_s=60)


def test_a_hub_killed_in_the_middle_of_a_teardown_finishes_it(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform(cueRef={"type": "inline", "ref": CHAIN})
    names = [f"chain-{number}" for number in range(10)]
    for name in names:
        view.apply(platform.instance(name))
    platform.until_ready(view, *names)
    for name in names:
        view.delete(*platform.kind, name, namespace=platform.namespace)

    def config_maps() -> int:
        found = view.list(
            "v1", "ConfigMap", namespace=platform.namespace, label_selector="platform.pequod.io/graph"
        )
        return len(found)

    until(config_maps, lambda count: count < 60, pause_s=0.005, deadline_s=60)
    platform.hub.kill()
    platform.hub.start()
    until(config_maps, lambda count: count == 0, deadline_s=60)
    until(lambda: all(platform.graph(view, name) is None for name in names), deadline_s=30)
    assert platform.audit("SELECT count(*) FROM inventory WHERE namespace = ?", platform.namespace) == [(0,)]


def test_a_restart_writes_nothing_where_nothing_changed(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform()
    names = [f"hello-{number}" for number in range(40)]  # more than are rendered at once
    for name in names:
        view.apply(platform.instance(name))
    platform.until_ready(view, *names)
    platform.hub.stop()
    (last,) = platform.audit("SELECT max(id) FROM audit_log")[0]

    platform.hub.start()
    view.apply(platform.instance("new"))
    platform.until_ready(view, "new")
    touched = platform.audit(
        "SELECT DISTINCT instance FROM audit_log WHERE id > ? AND tag LIKE '%:intent' AND instance IS NOT NULL",
        last,
    )
    assert touched == [(f"{platform.namespace}/new",)]


def test_cluster_files_take_effect_while_the_hub_runs(platform: Platform) -> None:
    one, two = platform.views
    platform.apply_transform()
    one.apply(platform.instance("hello"))
    platform.until_ready(one, "hello")

    file = platform.hub.clusters / "spoke-1.yaml"
    good = file.read_text()
    file.write_text(good.replace("labels", "lables"))
    until(lambda: "lables" in platform.hub.log.read_text())
    one.apply(platform.instance("hello", port=9090))
    until(lambda: _port(platform, "hello"), lambda port: port == 9090)

    file.unlink()
    until(lambda: platform.audit("SELECT detached_at FROM clusters WHERE name = 'spoke-1'")[0][0])
    one.apply(platform.instance("hello", port=7070))
    two.apply(platform.instance("hello"))
    platform.until_ready(two, "hello")
    assert _port(platform, "hello") == 9090, "a detached cluster is not worked on"
    assert one.get(*CRD, platform.crd_name) is not None, "and nothing on it is deleted"

    file.write_text(good)
    until(lambda: _port(platform, "hello"), lambda port: port == 7070, deadline_s=30)


def test_a_suspended_cluster_is_watched_over_and_left_alone(platform: Platform) -> None:
    one, two = platform.views
    platform.apply_transform()
    platform.hub.register("spoke-1", platform.planes.spoke_1.kubeconfig, labels={"region": "eu"}, suspend=True)
    until(lambda: platform.audit("SELECT suspended FROM clusters WHERE name = 'spoke-1'") == [(1,)])
    one.apply(platform.instance("hello"))
    two.apply(platform.instance("hello"))
    platform.until_ready(two, "hello")
    assert platform.status_of(one, "hello") == {}
    assert _reachable(platform, "spoke-1") == "1.0"
    platform.hub.register("spoke-1", platform.planes.spoke_1.kubeconfig, labels={"region": "eu"})
    platform.until_ready(one, "hello")


def _port(platform: Platform, name: str) -> int:
    service = platform.child(platform.views[0], "Service", name)
    assert service is not None
    port: int = service["spec"]["ports"][0]["port"]
    return port


def _reachable(platform: Platform, cluster: str) -> str:
    """The gauge of a cluster, as Prometheus would see it."""
    line = f'fleet_cluster_reachable{{cluster="{cluster}"}} '
    _, metrics = platform.hub.ask("/metrics")
    return next((each.removeprefix(line) for each in metrics.splitlines() if each.startswith(line)), "")
