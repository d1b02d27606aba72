"""What ``fleet local`` says where there is nothing to start or to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from fleet.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("options", [(), ("--wipe",)])
def test_no_folder_is_not_said_to_be_removed(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["local", "down", *options, "--dir", str(tmp_path / "none")])
    assert (result.exit_code, result.output) == (0, f"There is no folder {tmp_path / 'none'}.\n")


@pytest.mark.parametrize("names", ["", " , "])
def test_no_name_starts_nothing(tmp_path: Path, names: str) -> None:
    result = CliRunner().invoke(main, ["local", "up", "--clusters", names, "--dir", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "--clusters: name one at least" in result.output
    assert not (tmp_path / "none").exists()
