from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fleet.kube import managedfields
from fleet.kube.objects import LiveObject

PORT_80 = 'k:{"port":80,"protocol":"TCP"}'


def live(*managers: tuple[str, str, dict[str, Any]]) -> LiveObject:
    fields = [
        {"manager": manager, "operation": "Apply", "subresource": subresource, "fieldsV1": tree}
        for manager, subresource, tree in managers
    ]
    return LiveObject.decode(msgspec.json.encode({"metadata": {"name": "x", "managedFields": fields}}))


def lost(manifest: dict[str, Any], owned: dict[str, Any]) -> list[str]:
    return [managedfields.shown(each.path) for each in managedfields.lost(manifest, owned)]


@pytest.mark.parametrize(
    ("manifest", "owned", "expected"),
    [
        ({"data": {"a": "1", "b": "2"}}, {"f:data": {"f:a": {}, "f:b": {}}}, []),
        ({"data": {"a": "1", "b": "2"}}, {"f:data": {"f:a": {}}}, [".data.b"]),
        ({"data": {"a": "1", "b": "2"}}, {}, [".data.a", ".data.b"]),
        ({"data": {}, "spec": {"list": []}}, {}, []),
        ({"spec": {"selector": {"app": "x"}}}, {"f:spec": {"f:selector": {}}}, []),
        ({"metadata": {"name": "x", "labels": {"a": "b"}}}, {"f:metadata": {"f:labels": {}}}, []),
        ({"metadata": {"name": "x", "labels": {"a": "b"}}}, {}, [".metadata.labels.a"]),
        ({"spec": {"ports": [{"port": 80}]}}, {"f:spec": {"f:ports": {PORT_80: {".": {}, "f:port": {}}}}}, []),
        (
            {"spec": {"ports": [{"port": 80, "name": "http"}]}},
            {"f:spec": {"f:ports": {PORT_80: {".": {}, "f:port": {}}}}},
            ['.spec.ports[port=80,protocol="TCP"].name'],
        ),
        ({"metadata": {}, "finalizers": ["a", "b"]}, {"f:finalizers": {'v:"a"': {}}}, [".finalizers[]"]),
    ],
)
def test_the_fields_that_a_manager_owns_no_longer(
    manifest: dict[str, Any], owned: dict[str, Any], expected: list[str]
) -> None:
    assert lost(manifest, owned) == expected


def test_who_owns_a_field() -> None:
    owners = live(
        ("us", "", {"f:data": {"f:a": {}}}),
        ("editor", "", {"f:data": {"f:b": {}}}),
        ("scaler", "scale", {"f:spec": {"f:replicas": {}}}),
        ("selector", "", {"f:spec": {"f:selector": {}}}),
    )

    def owner(*path: str) -> str | None:
        found = managedfields.owner_of(owners, tuple(f"f:{each}" for each in path), besides="us")
        return found.manager if found else None

    assert owner("data", "b") == "editor"
    assert owner("data", "a") is None
    assert owner("data") == "editor"
    assert owner("spec", "replicas") == "scaler"
    assert owner("spec", "selector", "app") == "selector", "an atomic field is owned whole"


def test_a_field_is_taken_out_of_a_copy() -> None:
    manifest = {"spec": {"replicas": 1, "paused": True}}

    assert managedfields.without(manifest, ("f:spec", "f:replicas")) == {"spec": {"paused": True}}
    assert managedfields.without(manifest, ("f:spec", "f:other")) == manifest
    assert manifest["spec"]["replicas"] == 1


def test_what_stands_at_a_path() -> None:
    body = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "http"}]}}

    assert managedfields.value_at(body, ("f:spec", "f:ports", PORT_80, "f:name")) == "http"
    assert managedfields.value_at(body, ("f:spec", "f:nothing", "f:there")) is None
