"""The roles in ``config/rbac`` are enough, and where something is missing, the fleet says what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from fleet.cli import main
from tests.harness.waiting import until
from tests.integration.config import kustomize
from tests.integration.config.conftest import apply_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.clusters import Manifest, View
    from tests.harness.hub import HubProcess

INSTANCE = ("apps.mycompany.com/v1alpha1", "WebService", "hello")
# Kubernetes' garbage collector looks for new kinds every 30 s, and until then deletes nothing that they own.
TEARDOWN_DEADLINE_S = 60
TRANSFORM = ("platform.pequod.io/v1alpha1", "Transform", "webservice")


def status_of(view: View, api_version: str, kind: str, name: str, *, namespace: str | None = None) -> Manifest:
    """The status of an object; empty where there is none."""
    status: Manifest = (view.get(api_version, kind, name, namespace=namespace) or {}).get("status", {})
    return status


def transform_is_rolled_out(view: View) -> bool:
    """Whether the sample's kind is served on every spoke."""
    return status_of(view, *TRANSFORM).get("phase") == "Ready"


def instance_is_ready(view: View) -> bool:
    """Whether the sample's instance is Ready."""
    return status_of(view, *INSTANCE, namespace="default").get("phase") == "Ready"


def refused(hub: HubProcess) -> list[str]:
    """The counters of answers that said "forbidden"."""
    _, metrics = hub.ask("/metrics")
    return [line for line in metrics.splitlines() if 'code="403"' in line and "_created" not in line]


def printed(config: Path) -> list[Manifest]:
    """What ``fleet roles`` prints for the sample."""
    file = str(config / "samples" / "webservice-transform.yaml")
    told = CliRunner().invoke(main, ["roles", "-f", file], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return list(yaml.safe_load_all(told.stdout))


def written(config: Path) -> list[Manifest]:
    """What ``config/`` has for the sample."""
    sample = kustomize.load(config / "samples" / "webservice-rbac.yaml")
    return kustomize.build(config / "rbac" / "spoke") + sample


@pytest.mark.parametrize("spoke_roles", [written, printed], indirect=True)
def test_the_roles_are_enough(hub: HubProcess, hub_view: View, spoke_view: View, config: Path) -> None:
    apply_all(hub_view, kustomize.load(config / "samples" / "webservice-transform.yaml"))
    until(lambda: transform_is_rolled_out(hub_view), deadline_s=30)

    apply_all(spoke_view, kustomize.load(config / "samples" / "webservice.yaml"))
    until(lambda: instance_is_ready(spoke_view), deadline_s=60)
    spoke_view.merge(
        {
            "apiVersion": INSTANCE[0],
            "kind": INSTANCE[1],
            "metadata": {"name": "hello", "namespace": "default"},
            "spec": {"port": 9090},
        }
    )
    until(lambda: status_of(spoke_view, *INSTANCE, namespace="default").get("observedGeneration") == 2)
    until(lambda: instance_is_ready(spoke_view), deadline_s=60)

    spoke_view.delete(*INSTANCE, namespace="default")
    until(
        lambda: not spoke_view.list("platform.pequod.io/v1alpha1", "ResourceGraph"), deadline_s=TEARDOWN_DEADLINE_S
    )
    assert spoke_view.get("apps/v1", "Deployment", "hello", namespace="default") is None
    assert spoke_view.get("v1", "Service", "hello", namespace="default") is None

    hub_view.merge(
        {
            "apiVersion": TRANSFORM[0],
            "kind": TRANSFORM[1],
            "metadata": {"name": TRANSFORM[2]},
            "spec": {"deletionPolicy": "Delete"},
        }
    )
    hub_view.delete(*TRANSFORM)
    until(lambda: hub_view.get(*TRANSFORM) is None, deadline_s=30)
    until(lambda: not spoke_view.serves(*INSTANCE[:2]))
    assert refused(hub) == [], f"the hub needs more than config/rbac grants:\n{hub.tail(200)}"


def test_a_missing_grant_is_named_and_works_once_it_is_given(
    hub: HubProcess, hub_view: View, spoke_view: View, config: Path
) -> None:
    grants = kustomize.load(config / "samples" / "webservice-rbac.yaml")
    spoke_grant = next(each for each in grants if each["metadata"]["name"] == "pequod-fleet-spoke-webservice")
    without_services = {
        **spoke_grant,
        "rules": [rule for rule in spoke_grant["rules"] if "services" not in rule["resources"]],
    }
    spoke_view.apply(without_services)
    apply_all(hub_view, kustomize.load(config / "samples" / "webservice-transform.yaml"))
    until(lambda: transform_is_rolled_out(hub_view), deadline_s=30)
    apply_all(spoke_view, kustomize.load(config / "samples" / "webservice.yaml"))

    blocked = until(
        lambda: status_of(spoke_view, *INSTANCE, namespace="default").get("blockedBy"),
        lambda text: "forbidden" in text,
        deadline_s=30,
    )
    assert 'cannot list resource "services"' in blocked
    assert "system:serviceaccount:pequod-system:pequod-fleet" in blocked

    spoke_view.apply(spoke_grant)
    until(lambda: instance_is_ready(spoke_view), deadline_s=60)
    assert hub.running
