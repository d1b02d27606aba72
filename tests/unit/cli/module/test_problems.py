from __future__ import annotations

from pathlib import Path

import click
import pytest

from fleet.cli.module import problems
from fleet.cue.authoring import instances
from fleet.cue.errors import InputError, ModuleError, Problem

PLACED = Problem(message="must be", file="m.cue", line=3, column=4, path="spec.a", expected="x", found="y")


def test_a_problem_says_what_was_expected_and_found() -> None:
    assert list(problems.lines(PLACED, prefix=Path("shop"))) == [
        "shop/m.cue:3:4: spec.a: must be",
        "    expected  x",
        "    found     y",
    ]


def test_what_the_user_wrote_comes_first() -> None:
    written = instances.read("b: 1\na: 2\n", file="spec.yaml").place
    assert list(problems.lines(PLACED, prefix=Path(), written=written)) == [
        "spec.yaml:2:4: spec.a: must be",
        "    expected  x",
        "    found     y",
        "    declared  m.cue:3:4",
    ]


def test_a_problem_of_a_dependency_is_told_by_its_module() -> None:
    problem = Problem(message="no", file=".deps/a.example/b@v0.1.0/m.cue", line=1, column=2)
    assert list(problems.lines(problem, prefix=Path("shop"))) == ["a.example/b@v0.1.0/m.cue:1:2: no"]


def test_an_error_is_told_once_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, problems.told("shop"):
        raise InputError("it does not fit", problems=(PLACED,))
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.splitlines()[:2] == [
        "InputError: it does not fit",
        "shop/m.cue:3:4: spec.a: must be",
    ]


def test_an_error_without_problems_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit), problems.told("shop"):
        raise ModuleError("there is none")
    assert capsys.readouterr().err == "error: there is none\n"
