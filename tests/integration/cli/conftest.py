"""Databases that hold something to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from fleet.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def fleet() -> Callable[..., Result]:
    """Runs a command: ``fleet("audit", "--limit", "3")``. Its output is no terminal's."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)

    return run
