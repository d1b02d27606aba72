from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.cue.authoring import scaffold
from fleet.cue.authoring.scaffold import ScaffoldError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_kind_is_everywhere(tmp_path: Path) -> None:
    written = scaffold.write(tmp_path / "new", kind="MessageQueue")
    text = "\n".join(file.read_text() for file in written)
    assert "newkind" not in text.lower()
    assert "package messagequeue\n" in text
    assert 'kind: "MessageQueue"' in text


@pytest.mark.parametrize("kind", ["", "shop", "My Kind", "Läden", "1Shop", "A" * 64])
def test_what_cannot_be_a_kind(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ScaffoldError, match="cannot be a kind"):
        scaffold.write(tmp_path / "new", kind=kind)
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(ScaffoldError, match="is there already and not an empty folder"):
            scaffold.write(taken, kind="Shop")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]
