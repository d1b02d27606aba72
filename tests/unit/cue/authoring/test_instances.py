from __future__ import annotations

import pytest

from fleet.cue.authoring import instances
from fleet.cue.authoring.documents import DocumentError

MANIFEST = """\
apiVersion: a/v1
kind: Shop
metadata: {name: till, namespace: team-a, labels: {a: b}, uid: u}
spec:
  image: nginx
"""


def test_a_spec_alone_is_an_instance_with_a_name_made_up() -> None:
    instance = instances.read("image: nginx\nkind: fast\n", file="f.yaml")
    assert (instance.name, instance.namespace) == (instances.NAME, instances.NAMESPACE)
    assert instance.spec == {"image": "nginx", "kind": "fast"}
    assert str(instance.place("spec.kind")) == "f.yaml:2:7"
    assert instance.place("metadata.name") is None


def test_a_manifest_is_an_instance() -> None:
    instance = instances.read(MANIFEST, file="f.yaml")
    assert (instance.name, instance.namespace, instance.labels) == ("till", "team-a", {"a": "b"})
    assert instance.spec == {"image": "nginx"}
    assert str(instance.place("spec.image")) == "f.yaml:5:10"


def test_a_manifest_that_is_none_says_where() -> None:
    with pytest.raises(DocumentError, match=r"f\.yaml:3:18: metadata\.name: Expected `str`, got `int`"):
        instances.read(MANIFEST.replace("till", "5"), file="f.yaml")


def test_observed_objects_by_node() -> None:
    assert instances.read_observed("app: {status: {}}", file="f.yaml") == {"app": {"status": {}}}
    with pytest.raises(DocumentError, match=r"f\.yaml:2:6: web: expected the live object of this node"):
        instances.read_observed("app: {}\nweb: up\n", file="f.yaml")
