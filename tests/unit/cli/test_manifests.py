"""Manifests in files, as people and kubectl write them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from fleet.cli import manifests
from fleet.cue.authoring.documents import DocumentError

if TYPE_CHECKING:
    from typing import TextIO

POD = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"


def file(content: str | bytes) -> TextIO:
    raw = io.BytesIO(content.encode() if isinstance(content, str) else content)
    raw.name = "f.yaml"  # as that of a file that was opened
    return io.TextIOWrapper(raw, encoding="utf-8")


def test_documents_and_lists_are_one_after_the_other_with_their_places() -> None:
    text = f"# first\n{POD}\n---\n---\nkind: PodList\nitems:\n- {POD}\n- {POD}\n"
    assert [str(each.place) for each in manifests.read(file(text))] == ["f.yaml:2:1", "f.yaml:7:3", "f.yaml:8:3"]


def test_an_empty_list_is_nothing() -> None:
    assert manifests.read(file("{apiVersion: v1, kind: List, items: []}")) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "f.yaml: there is no manifest in it"),
        ("# a comment\n---\n", "f.yaml: there is no manifest in it"),
        ("a: [", "f.yaml:1:5: this is not YAML"),
        (b"a: \xff", "f.yaml: this is not UTF-8 text"),
        (
            f"{POD}\n---\nkind: Pod\n",
            "f.yaml:3:1: this is no manifest: it needs apiVersion, kind and metadata.name",
        ),
        ("{apiVersion: v1, kind: Pod, metadata: {name: 5}}", "f.yaml:1:1: this is no manifest"),
        ("{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "f.yaml:1:1: this is no manifest"),
        ("kind: List\nitems:\n- 5\n", "f.yaml:3:3: this is no manifest"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 5}}",
            "f.yaml:1:1: metadata.namespace: expected a string; put it in quotes",
        ),
    ],
)
def test_what_is_no_manifest_is_told_with_its_place(content: str | bytes, told: str) -> None:
    with pytest.raises(DocumentError) as refused:
        manifests.read(file(content))
    assert str(refused.value).startswith(told)
    assert "\n" not in str(refused.value)
