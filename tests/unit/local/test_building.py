"""A build reports how far it is, gives a complete program or none, and says why it failed."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from fleet.local import building, toolchain
from fleet.local.building import BuildFailed, Phase, Progress
from fleet.local.programs import Module, Program

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = Program(name="hello", package="example.invalid/hello")


@pytest.fixture(scope="module")
def go() -> Path:
    return toolchain.find_go()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """A Go module of two packages and no dependencies, which Go has never compiled before."""
    source = tmp_path / "hello-source"
    (source / "greeting").mkdir(parents=True)
    (source / "go.mod").write_text("module example.invalid/hello\n\ngo 1.26\n")
    (source / "greeting" / "greeting.go").write_text(f'package greeting\n\nvar Text = "{uuid.uuid4()}"\n')
    (source / "main.go").write_text(
        'package main\n\nimport "example.invalid/hello/greeting"\n\nfunc main() { println(greeting.Text) }\n'
    )
    monkeypatch.setattr("fleet.local.programs._SOURCES", tmp_path)
    return Module(
        name="hello-source",
        version="v1.0.0",
        oldest=(1, 0),
        newest=(1, 0),
        programs=(_PROGRAM,),
        ldflags="-X example.invalid/hello/greeting.Text=stamped",
        cold_build_minutes=0.1,
    )


def test_a_program_is_built_with_its_stamp(module: Module, go: Path, tmp_path: Path) -> None:
    reports: list[Progress] = []
    built = building.build(_PROGRAM, module=module, go=go, into=tmp_path / "out", report=reports.append)

    answer = subprocess.run([built], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    assert answer.stderr.strip() == "stamped"
    assert built == tmp_path / "out" / "hello"
    phases = [report.phase for report in reports]
    assert phases[0] is Phase.DOWNLOADING
    assert phases[-2:] == [Phase.LINKING, Phase.DONE]
    last = reports[-1]
    assert last.total is not None
    assert last.done == last.total >= 2


def test_a_failed_build_leaves_nothing_and_names_the_line(module: Module, go: Path, tmp_path: Path) -> None:
    (module.folder / "main.go").write_text("package main\n\nfunc main() { missing() }\n")

    with pytest.raises(BuildFailed, match=r"main\.go:3:15: undefined: missing"):
        building.build(_PROGRAM, module=module, go=go, into=tmp_path / "out", report=lambda _: None)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_module_is_said(module: Module, go: Path, tmp_path: Path) -> None:
    shutil.rmtree(module.folder / "greeting")

    with pytest.raises(BuildFailed, match=r"example\.invalid/hello/greeting"):
        building.build(_PROGRAM, module=module, go=go, into=tmp_path / "out", report=lambda _: None)


def test_an_interrupt_ends_the_compiler(module: Module, go: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.phase is Phase.COMPILING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        building.build(_PROGRAM, module=module, go=go, into=tmp_path / "out", report=interrupt)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_build_that_takes_too_long_is_ended(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow-go"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(building, "_LISTING_TIMEOUT_S", 0.2)

    with pytest.raises(BuildFailed, match="time limit"):
        building.build(_PROGRAM, module=module, go=slow, into=tmp_path / "out", report=lambda _: None)
