from __future__ import annotations

import pytest
import yaml

from fleet.cue.authoring import documents
from fleet.cue.authoring.documents import DocumentError

TEXT = """\
# a comment
metadata:
  labels: {"a.b/c": x}
spec:
  ports:
  - name: http
  - name: admin
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("", 2, 1),
        ("spec.ports[1].name", 7, 11),
        ('metadata.labels."a.b/c"', 3, 21),
        ("spec.ports[7].name", 6, 3),  # what is missing is missing in the list
        ("spec.image", 5, 3),
    ],
)
def test_the_place_of_a_path(path: str, line: int, column: int) -> None:
    document = documents.read_one(TEXT, file="f.yaml")
    assert str(document.place(path)) == f"f.yaml:{line}:{column}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", r"f\.yaml:1:5: this is not YAML: .*expected the node content"),
        ("a: 1\nb: \x07", r"^f\.yaml:2:4: this is not YAML: the character #x0007 is not allowed$"),
        ("a: &a {b: *a}", r"f\.yaml: values are nested too deeply, or contain themselves"),
        ("[" * 5000, r"f\.yaml: values are nested too deeply"),
        ("? [1]\n: 2", r"f\.yaml:1:3: this is not YAML: .*unhashable key"),
        ("", "found an empty file"),
        ("a: 1\n---\nb: 2\n", "found 2"),
        ("# hm\n- 1", r"f\.yaml:2:1: expected an object"),
    ],
)
def test_what_is_no_document(text: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        documents.read_one(text, file="f.yaml")


def test_a_date_stays_the_text_that_it_is() -> None:
    assert documents.read_one("day: 2026-01-02", file="f").value == {"day": "2026-01-02"}


@pytest.mark.parametrize(
    "text", ["1e3", "0o17", "y", "N", "true", "null", "1.5", "2026-01-02", "a\nb\n", "", " x", "é"]
)
def test_text_stays_text(text: str) -> None:
    written = documents.dump({"a": text})
    assert yaml.safe_load(written) == {"a": text}
    if text in {"1e3", "0o17", "y", "N"}:  # YAML in Go reads these otherwise
        assert f'"{text}"' in written


def test_objects_begin_with_what_they_are() -> None:
    value = {"spec": {"b": 1, "a": [{"z": 1, "name": "x"}]}, "metadata": {"labels": {}, "name": "n"}, "kind": "K"}
    assert list(documents.ordered(value)) == ["kind", "metadata", "spec"]
    assert list(documents.ordered(value)["metadata"]) == ["name", "labels"]
    assert list(documents.ordered(value)["spec"]["a"][0]) == ["name", "z"]
    assert documents.ordered(value) == value
