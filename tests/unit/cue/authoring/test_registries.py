"""A program that answers like the helper stands in for answers of registries that are hard to bring about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fleet.cue.authoring import registries
from fleet.cue.authoring.registries import RegistryRefused
from fleet.cue.errors import EngineCrashed, ModuleError
from fleet.cue.remote import ociref
from fleet.cue.remote.origin import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answers = Callable[[str], None]

TO = ociref.parse("ghcr.io/acme/a.example/b:v0.1.0")


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    def answer(text: str) -> None:
        (tmp_path / "answer").write_text(text)
        program = tmp_path / "helper"
        program.write_text(f"#!/bin/sh\ncat >{tmp_path}/request\ncat {tmp_path}/answer\n")
        program.chmod(0o755)
        monkeypatch.setattr(registries, "helper_path", lambda: program)

    return answer


@pytest.mark.parametrize(
    ("code", "raised", "says"),
    [
        ("denied", RegistryRefused, r"^ghcr\.io: access is refused \(why\); log in with `docker login`"),
        ("conflict", RegistryRefused, "^why$"),
        ("module", ModuleError, "^why"),
        ("missing", ModuleError, "^why"),
        ("unavailable", SourceUnavailable, r"^ghcr\.io: why$"),
    ],
)
async def test_each_kind_of_failure(answers: Answers, code: str, raised: type[Exception], says: str) -> None:
    answers(json.dumps({"error": {"code": code, "message": "why"}}))
    with pytest.raises(raised, match=says):
        await registries.publish({"a.cue": b"a: 1"}, TO)


async def test_a_problem_keeps_its_place(answers: Answers) -> None:
    problem = {"message": "not allowed", "file": "cue.mod/module.cue", "line": 3, "column": 1}
    answers(json.dumps({"error": {"code": "module", "message": "unreadable", "problems": [problem]}}))
    with pytest.raises(ModuleError) as raised:
        await registries.dependencies(b"deps: {}")
    assert str(raised.value.problems[0]) == "cue.mod/module.cue:3:1: not allowed"


async def test_a_helper_that_says_nothing(answers: Answers) -> None:
    answers("")
    with pytest.raises(EngineCrashed, match="ended without an answer, with status 0"):
        await registries.dependencies(b"deps: {}")


async def test_what_is_asked(answers: Answers, tmp_path: Path) -> None:
    answers(json.dumps({"module": "a.example/b", "digest": "sha256:1"}))
    published = await registries.publish({"a.cue": b"a: 1"}, TO)
    assert (published.module, published.digest, published.already) == ("a.example/b", "sha256:1", False)
    asked = json.loads((tmp_path / "request").read_text())
    assert asked == {
        "op": "publish",
        "host": "ghcr.io",
        "repository": "acme/a.example/b",
        "tag": "v0.1.0",
        "plainHttp": False,
        "files": {"a.cue": "YTogMQ=="},
    }
