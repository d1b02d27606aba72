from __future__ import annotations

import json

import msgspec
import pytest

from fleet.kube.objects import LiveObject, decode_page, version_number
from tests.unit.kube.scripted import configmap


def test_the_header_is_typed_and_the_rest_waits() -> None:
    document = configmap("a", 5, app="x")
    document["metadata"] |= {
        "generation": 3,
        "finalizers": ["f"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u", "controller": True}],
        "managedFields": [{"manager": "m"}],
    }
    document["data"] = {"k": "v"}

    seen = LiveObject.decode(json.dumps(document).encode())

    assert (seen.kind, seen.version, seen.meta.generation, seen.meta.finalizers) == ("ConfigMap", 5, 3, ("f",))
    assert seen.meta.owner_references[0].controller
    assert not seen.deleting
    assert seen.body == document
    assert seen.body is seen.body
    assert repr(seen) == "<ConfigMap a in namespace ns at 5>"


def test_deletion_shows() -> None:
    document = configmap("a", 5)
    document["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"

    assert LiveObject.decode(json.dumps(document).encode()).deleting


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("", 0), ("abc", 0), ("-3", 0), ("0x10", 0)])
def test_a_resource_version_that_is_no_number_cannot_be_ordered(text: str, number: int) -> None:
    assert version_number(text) == number


def test_items_of_a_list_do_not_hold_on_to_the_list() -> None:
    raw = json.dumps({"metadata": {"resourceVersion": "9"}, "items": [configmap("a", 1)]}).encode()

    page = decode_page(raw, api_version="v1", kind="ConfigMap")

    assert type(page.objects[0].raw) is bytes
    assert json.loads(page.objects[0].raw) == configmap("a", 1)
    assert (page.resource_version, page.continue_token) == ("9", "")


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"metadata": null}', b'{"metadata": {"labels": 3}}', b"<html>"])
def test_what_is_no_object(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        LiveObject.decode(raw)
