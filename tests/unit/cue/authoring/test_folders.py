from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.cue import sources
from fleet.cue.authoring import folders
from fleet.cue.errors import ModuleError
from fleet.cue.remote import content

if TYPE_CHECKING:
    from pathlib import Path


async def test_files_that_cue_reads_are_the_module_and_all_visible_ones_its_files(tmp_path: Path) -> None:
    for name in ("m.cue", "lib/l.cue", "data.json", "README.md", ".hidden.cue", ".git/x.cue"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("a: 1")
    (tmp_path / "link.cue").symlink_to(tmp_path / "m.cue")

    authored = await folders.read(str(tmp_path))

    assert set(authored.module.files) == {"m.cue", "lib/l.cue"}
    assert set(authored.files) == {"m.cue", "lib/l.cue", "data.json", "README.md"}


async def test_an_embedded_module_is_the_one_that_hubs_have() -> None:
    authored = await folders.read("embedded:webservice")
    assert authored.module == sources.read_folder(sources.embedded_folder("webservice"))
    assert authored.name == "webservice"
    assert authored.cases.is_dir()


async def test_what_is_no_module(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match=r"has no \.cue file"):
        await folders.read(str(tmp_path))
    with pytest.raises(ModuleError, match="is not a folder; `fleet module init"):
        await folders.read(str(tmp_path / "nowhere"))
    with pytest.raises(ModuleError, match=r"no module embedded:nothing; there are .*embedded:webservice"):
        await folders.read("embedded:nothing")


async def test_a_folder_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.cue").write_text("a: 1")
    (tmp_path / "large.bin").write_bytes(b"x" * 100)
    monkeypatch.setattr(content, "MOST_BYTES", 50)
    with pytest.raises(ModuleError, match=r"2 files of .* Name the folder of the module alone"):
        await folders.read(str(tmp_path))
