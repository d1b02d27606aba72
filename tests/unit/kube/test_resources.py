from __future__ import annotations

import pytest

from fleet.kube.errors import Invalid
from fleet.kube.resources import ObjectRef, ResourceType, group_path

DEPLOYMENTS = ResourceType(group="apps", version="v1", kind="Deployment", plural="deployments")
NODES = ResourceType(group="", version="v1", kind="Node", plural="nodes", namespaced=False)
ROLES = ResourceType(
    group="rbac.authorization.k8s.io", version="v1", kind="ClusterRole", plural="clusterroles", namespaced=False
)


def test_paths_of_collections_objects_and_subresources() -> None:
    assert DEPLOYMENTS.path() == "/apis/apps/v1/deployments"
    assert DEPLOYMENTS.path("shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert DEPLOYMENTS.path("shop", "cart", "status") == "/apis/apps/v1/namespaces/shop/deployments/cart/status"
    assert NODES.path("ignored", "n1") == "/api/v1/nodes/n1"
    assert (str(DEPLOYMENTS), str(NODES)) == ("deployments.apps/v1", "nodes/v1")
    assert (DEPLOYMENTS.api_version, NODES.api_version) == ("apps/v1", "v1")


def test_a_name_stays_one_segment_of_the_path() -> None:
    assert ROLES.path(None, "system:a b?c#d/../e").endswith("/clusterroles/system%3Aa%20b%3Fc%23d%2F..%2Fe")
    assert group_path("a/b/v1") == "/apis/a%2Fb/v1"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="no name"):
        DEPLOYMENTS.path("shop", name)
    with pytest.raises(Invalid, match="no name"):
        DEPLOYMENTS.path(name, "cart")
    with pytest.raises(Invalid, match="no name"):
        group_path(f"{name}/v1" if name else "")


def test_a_reference_reads_like_words() -> None:
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}

    ref = ObjectRef.of(manifest)

    assert str(ref) == "Deployment cart in namespace shop"
    assert ref.group == "apps"
    assert str(ObjectRef(api_version="v1", kind="Node", name="n1")) == "Node n1"
