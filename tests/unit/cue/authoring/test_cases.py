from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from fleet.cue.authoring import cases
from fleet.cue.authoring.documents import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
# Why this case is there.
metadata: {name: shop, labels: {a: b}}
spec:
  text: "--- not the end"
cluster: {name: c, labels: {region: eu}}
observed: {app: {status: {ready: 1}}}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "one.yaml"
    file.write_text(text)
    return file


def test_a_case_is_what_goes_in_and_what_is_to_come_out(tmp_path: Path) -> None:
    case = cases.read(write(tmp_path, f"{HEAD}---\nnodes: []\n"))
    assert case.name == "one"
    assert (case.input.metadata.name, case.input.metadata.namespace) == ("shop", "default")
    assert case.input.spec == {"text": "--- not the end"}
    assert case.input.cluster is not None
    assert case.input.cluster.labels == {"region": "eu"}
    assert case.input.observed == {"app": {"status": {"ready": 1}}}
    assert case.expected == {"nodes": []}
    assert case.head == HEAD


@pytest.mark.parametrize("rest", ["", "---\nnodes: [{id: old}]\n", "--- # old\nnodes: []\n"])
def test_writing_leaves_the_first_document_as_it_is(tmp_path: Path, rest: str) -> None:
    file = write(tmp_path, HEAD + rest)
    cases.rewrite(cases.read(file), {"nodes": [{"object": {"kind": "K"}, "id": "a"}]})
    text = file.read_text()
    assert text.startswith(f"{HEAD}---\n# Written by")
    assert "old" not in text
    assert list(yaml.safe_load_all(text))[1] == {"nodes": [{"id": "a", "object": {"kind": "K"}}]}
    assert cases.read(file).head == HEAD


def test_a_first_document_without_an_end_of_line(tmp_path: Path) -> None:
    file = write(tmp_path, "spec: {}")
    cases.rewrite(cases.read(file), {"nodes": []})
    assert list(yaml.safe_load_all(file.read_text())) == [{"spec": {}}, {"nodes": []}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "here are 0"),
        ("spec: {}\n---\na: 1\n---\nb: 1\n", "here are 3"),
        ("spec: {}\n---\n- 1\n", r"one\.yaml:3:1: what is to come out has `nodes`, or else `error`"),
        ("spec: 5\n", r"one\.yaml:1:7: spec: Expected `object`, got `int`"),
        ("spec: {}\nobserve: {}\n", r"one\.yaml:1:1: .*unknown field `observe`"),
        ("metadata: {}\n", "missing required field `spec`"),
    ],
)
def test_what_is_no_case(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        cases.read(write(tmp_path, text))


def test_cases_by_name(tmp_path: Path) -> None:
    for name in ("b-large", "a-large", "small"):
        (tmp_path / f"{name}.yaml").write_text("spec: {}")
    (tmp_path / "README.md").write_text("no case")
    assert [each.name for each in cases.read_all(tmp_path)] == ["a-large", "b-large", "small"]
    assert [each.name for each in cases.read_all(tmp_path, pattern="large")] == ["a-large", "b-large"]
    assert cases.read_all(tmp_path / "nowhere") == []
