from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.cue import sources
from fleet.cue.errors import ModuleError
from fleet.cue.module import Module


@dataclass(frozen=True, kw_only=True)
class Ref:
    type: str
    ref: str
    path: str = ""


async def test_an_embedded_module_is_found_by_its_name() -> None:
    module = await sources.resolve(Ref(type="embedded", ref="webservice"))

    assert "webservice.cue" in module.files
    assert module == await sources.resolve(Ref(type="embedded", ref="webservice"))


@pytest.mark.parametrize("name", ["nothing", "../modules/webservice", ".", "/etc"])
async def test_an_unknown_embedded_module_says_which_there_are(name: str) -> None:
    with pytest.raises(ModuleError, match=r"no embedded module .*; there are .*webservice"):
        await sources.resolve(Ref(type="embedded", ref=name))


async def test_an_inline_module_is_its_text() -> None:
    module = await sources.resolve(Ref(type="inline", ref="#Input: {}"))

    assert module == Module.of({"inline.cue": "#Input: {}"})


async def test_a_type_that_is_not_known_is_named() -> None:
    with pytest.raises(ModuleError, match=r"type carrier-pigeon cannot be loaded; the types are .*embedded"):
        await sources.resolve(Ref(type="carrier-pigeon", ref="x"))


@pytest.mark.parametrize("kind", ["embedded", "inline"])
async def test_a_path_where_there_is_none_is_refused(kind: str) -> None:
    with pytest.raises(ModuleError, match=r"cueRef\.path"):
        await sources.resolve(Ref(type=kind, ref="webservice", path="sub"))


def test_a_folder_is_read_without_links_and_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.cue"
    secret.write_text("password: 1")
    folder = tmp_path / "module"
    (folder / "cue.mod").mkdir(parents=True)
    (folder / "cue.mod" / "module.cue").write_text('module: "x.y/z@v0"')
    (folder / "a.cue").write_text("a: 1")
    (folder / "README.md").write_text("hello")
    (folder / "link.cue").symlink_to(secret)

    module = sources.read_folder(folder)

    assert set(module.files) == {"a.cue", "cue.mod/module.cue"}
