"""Finds the helper's binary."""

from __future__ import annotations

import os
from pathlib import Path

from fleet.cue.errors import HelperMissing

_BINARY = Path(__file__).parent / "_bin" / "fleet-cue"


def helper_path() -> Path:
    """The helper of this installation, in a wheel and in a checkout alike. Raises HelperMissing."""
    if not _BINARY.is_file():
        raise HelperMissing(
            f"the CUE helper is missing at {_BINARY}: in a checkout run `python hatch_build.py`, "
            "elsewhere install pequod-fleet again",
        )
    if not os.access(_BINARY, os.X_OK):
        raise HelperMissing(f"the CUE helper at {_BINARY} is not executable: run `chmod +x` on it")
    return _BINARY
