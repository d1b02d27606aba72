"""What a user is told of an instance that is not ready: by ``fleet why``, and by Kubernetes Events."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fleet.render.announcing import PATIENCE_S
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Platform
    from tests.harness.clusters import Manifest, View

FORBIDS_PODS = {"kind": "ResourceQuota", "apiVersion": "v1", "spec": {"hard": {"pods": "0"}}}
FORBIDS_SERVICES = {"kind": "ResourceQuota", "apiVersion": "v1", "spec": {"hard": {"services": "0"}}}


def why(platform: Platform, name: str, *options: str) -> str:
    """What ``fleet why`` prints of an instance on the first spoke."""
    command = [sys.executable, "-m", "fleet.cli", "why", f"webservices.{platform.group}", name]
    where = ["--cluster", "spoke-1", "-n", platform.namespace, "--database", platform.hub.database_url]
    return subprocess.run([*command, *where, *options], check=True, capture_output=True, text=True).stdout  # noqa: S603


def forbid(platform: Platform, view: View, quota: Manifest) -> Manifest:
    """Let the test's namespace have none of what ``quota`` counts; gives the quota."""
    made = view.apply({**quota, "metadata": {"name": "none", "namespace": platform.namespace}})
    until(
        lambda: view.get("v1", "ResourceQuota", "none", namespace=platform.namespace),
        lambda live: live.get("status", {}).get("hard"),
    )
    return made


def events(platform: Platform, view: View, name: str) -> list[Manifest]:
    """The events on an instance."""
    found = view.list("v1", "Event", namespace=platform.namespace)
    of_kind = (each for each in found if each["involvedObject"]["kind"] == "WebService")
    return [each for each in of_kind if each["involvedObject"]["name"] == name]


@pytest.fixture
def webservices(platform: Platform) -> Platform:
    """A platform whose Transform is rolled out."""
    platform.apply_transform()
    return platform


def test_who_asks_is_told_the_first_blocker_and_when_it_goes(webservices: Platform) -> None:
    view = webservices.views[0]
    forbid(webservices, view, FORBIDS_PODS)
    view.apply(webservices.instance("shop", replicas=2))

    told = until(
        lambda: why(webservices, "shop"),
        lambda told: "Progressing" in told and "DeploymentAvailable" in told,
    )
    lines = told.splitlines()
    assert lines[0].startswith("WebService shop on spoke-1 is not ready for ")
    assert lines[0].endswith(": Progressing")
    assert lines[1].startswith("  node deployment (Deployment shop) is WaitingReady for ")
    assert lines[2].startswith("    DeploymentAvailable: ")
    assert lines[-1] == "  node service waits behind it"

    (event,) = until(lambda: events(webservices, view, "shop"), deadline_s=PATIENCE_S + 20)
    assert (event["type"], event["reason"]) == ("Normal", "NotReady")
    assert "node deployment (Deployment shop)" in event["message"]

    view.apply(webservices.instance("shop", replicas=0))
    webservices.until_ready(view, "shop")
    assert why(webservices, "shop").startswith("WebService shop on spoke-1 is ready for ")
    assert json.loads(why(webservices, "shop", "-o", "json"))["ready"] is True
    assert len(events(webservices, view, "shop")) == 1, "an instance that is ready says nothing more"


def test_a_refusal_of_the_api_server_is_told_with_the_next_try(webservices: Platform) -> None:
    view = webservices.views[0]
    quota = forbid(webservices, view, FORBIDS_SERVICES)
    view.apply(webservices.instance("shop"))

    found = until(
        lambda: json.loads(why(webservices, "shop", "-o", "json")),
        lambda found: found.get("blocker", {}).get("node") == "service" and found["blocker"].get("nextRetryAt"),
    )
    assert "exceeded quota: none" in found["blocker"]["lastError"]
    warning = until(lambda: [each for each in events(webservices, view, "shop") if each["type"] == "Warning"])[0]
    assert "exceeded quota: none" in warning["message"]

    view.delete("v1", "ResourceQuota", quota["metadata"]["name"], namespace=webservices.namespace)
    view.apply(webservices.instance("shop", port=9090))  # a change is tried at once
    webservices.until_ready(view, "shop")


def test_what_holds_a_teardown_is_told(webservices: Platform) -> None:
    view = webservices.views[0]
    view.apply(webservices.instance("shop"))
    webservices.until_ready(view, "shop")
    finalizer = "example.com/hold"
    metadata = {"name": "shop", "namespace": webservices.namespace, "finalizers": [finalizer]}
    view.merge({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    view.delete(*webservices.kind, "shop", namespace=webservices.namespace)

    told = until(lambda: why(webservices, "shop"), lambda told: finalizer in told)
    assert ": Deleting" in told.splitlines()[0]
    assert "Deployment shop" in told

    view.merge({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**metadata, "finalizers": []}})
    until(lambda: webservices.graph(view, "shop") is None, deadline_s=60)


def test_an_instance_that_is_left_alone_says_why(platform: Platform) -> None:
    view = platform.views[0]
    platform.apply_transform()
    view.apply(platform.instance("shop"))
    platform.until_ready(view, "shop")
    assert "left alone" not in why(platform, "shop")

    platform.apply_transform(placement={"clusterSelector": {"matchLabels": {"region": "us"}}})
    left_alone = f"it is left alone: the Transform {platform.transform} does not select cluster spoke-1"
    until(lambda: why(platform, "shop"), lambda text: left_alone in text)
    view.apply(platform.instance("new"))
    assert left_alone in why(platform, "new")

    platform.apply_transform()
    platform.until_ready(view, "new")
    until(lambda: why(platform, "shop"), lambda text: "left alone" not in text)
    file = platform.hub.register("spoke-1", platform.planes.spoke_1.kubeconfig, suspend=True)
    until(lambda: why(platform, "shop"), lambda text: "spoke-1 is suspended by its cluster file" in text)
    file.unlink()
    until(lambda: why(platform, "shop"), lambda text: "spoke-1 has left the fleet" in text)
    platform.hub.register("spoke-1", platform.planes.spoke_1.kubeconfig)
    platform.hub_view.delete("platform.pequod.io/v1alpha1", "Transform", platform.transform)
    until(lambda: why(platform, "shop"), lambda text: "no Transform in force stands for WebService" in text)
