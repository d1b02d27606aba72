"""Go is found where it is, and its absence is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.local import toolchain
from fleet.local.toolchain import ToolchainMissing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the environment's programs, empty, and another one on PATH."""
    for name in ("scripts", "path"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "scripts"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path / "scripts"


def _install(folder: Path, version: str) -> Path:
    go = folder / "go"
    go.write_text(f"#!/bin/sh\necho {version}\n")
    go.chmod(0o755)
    return go


def test_the_environments_own_go_comes_first(scripts: Path) -> None:
    _install(scripts.parent / "path", "go1.27.0")
    own = _install(scripts, "go1.26.6")

    assert toolchain.find_go() == own


def test_an_older_go_is_passed_over(scripts: Path) -> None:
    _install(scripts, "go1.21.0")
    newer = _install(scripts.parent / "path", "go1.26.1")

    assert toolchain.find_go() == newer


@pytest.mark.parametrize(
    ("version", "said"), [("go1.21.0", "is version 1.21"), ("nonsense", "is version unknown")]
)
def test_what_was_found_and_what_to_do_is_said(scripts: Path, version: str, said: str) -> None:
    _install(scripts, version)

    with pytest.raises(ToolchainMissing, match=said) as caught:
        toolchain.find_go()
    assert "pip install 'pequod-fleet[local]'" in str(caught.value)


@pytest.mark.usefixtures("scripts")
def test_no_go_at_all() -> None:
    with pytest.raises(ToolchainMissing, match=r"needs Go 1\.26 or newer"):
        toolchain.find_go()
