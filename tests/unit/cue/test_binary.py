from pathlib import Path

import pytest

from fleet.cue import binary
from fleet.cue.errors import HelperMissing


def test_a_missing_helper_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binary, "_BINARY", tmp_path / "fleet-cue")

    with pytest.raises(HelperMissing, match=r"python hatch_build\.py"):
        binary.helper_path()


def test_a_helper_that_cannot_run_is_not_given_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binary, "_BINARY", tmp_path / "fleet-cue")
    (tmp_path / "fleet-cue").write_text("")

    with pytest.raises(HelperMissing, match="not executable"):
        binary.helper_path()
