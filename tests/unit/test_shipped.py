from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet import shipped as module
from fleet.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path


def test_the_checkouts_folders() -> None:
    assert (shipped("config") / "crd" / "transforms.yaml").is_file()
    assert (shipped("migrations") / "env.py").is_file()


def test_the_wheels_folders_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "fleet" / "config").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "fleet" / "shipped.py"))

    assert shipped("config") == tmp_path / "fleet" / "config"


def test_a_broken_installation_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "__file__", str(tmp_path / "fleet" / "shipped.py"))

    with pytest.raises(FileNotFoundError, match=r"config/ is missing .*install it again"):
        shipped("config")
