from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.store import urls
from fleet.store.ownership import DatabaseInUse, of_sqlite

if TYPE_CHECKING:
    from pathlib import Path


def test_an_sqlite_file_has_one_owner_at_a_time(tmp_path: Path) -> None:
    mine, other = (urls.parse(f"sqlite:///{tmp_path / name}") for name in ("fleet.db", "other.db"))
    with (
        of_sqlite(mine),
        of_sqlite(other),
        pytest.raises(DatabaseInUse, match=r"another hub works with sqlite:///.*fleet\.db"),
        of_sqlite(mine),
    ):
        pytest.fail("there were two owners")
    with of_sqlite(mine):
        pass
