"""Which files are a module's."""

from __future__ import annotations

import pytest

from fleet.cue.errors import ModuleError
from fleet.cue.remote import content


def test_cue_files_are_the_module_and_nothing_else() -> None:
    files = {"a.cue": b"a: 1", "cue.mod/module.cue": b"", "sub/b.cue": b"", "data.json": b"{}", "README.md": b""}

    assert content.module_of(files, where="here").files.keys() == {"a.cue", "cue.mod/module.cue", "sub/b.cue"}


def test_data_belongs_to_a_module_that_embeds_and_other_files_do_not() -> None:
    files = {"a.cue": b"a: _ @embed(file=data.json)", "data.json": b"{}", "notes.txt": b"", "logo.png": b"\xff"}

    assert content.module_of(files, where="here").files.keys() == {"a.cue", "data.json", "notes.txt"}


@pytest.mark.parametrize("files", [{}, {"README.md": b""}, {"sub/a.cue": b"", "cue.mod/module.cue": b""}])
def test_a_folder_without_cue_is_no_module(files: dict[str, bytes]) -> None:
    with pytest.raises(ModuleError, match=r"^here: there is no \.cue file; name the folder"):
        content.module_of(files, where="here")


def test_folders_that_are_modules_are_named_where_there_is_none() -> None:
    files = {f"{name}/cue.mod/module.cue": b"" for name in ("b", "a/deep", "c", "d")} | {"a/deep/a.cue": b""}

    with pytest.raises(ModuleError, match=r"name the folder of the module in cueRef\.path: a/deep or b or c$"):
        content.module_of(files, where="here")


def test_what_is_not_text_is_named() -> None:
    with pytest.raises(ModuleError, match=r"^here: a\.cue is not UTF-8 text$"):
        content.module_of({"a.cue": b"\xff"}, where="here")


def test_a_module_has_a_limit_in_bytes_and_in_files() -> None:
    half = content.MOST_BYTES // 2
    content.refuse_too_much([half, half], where="here")
    with pytest.raises(
        ModuleError, match=r"2 files of 8\.0 MiB together; a module has at most 5000 files and 8 MiB"
    ):
        content.refuse_too_much([half, half + 1], where="here")
    with pytest.raises(ModuleError, match="5001 files"):
        content.refuse_too_much([1] * (content.MOST_FILES + 1), where="here")
    with pytest.raises(ModuleError, match="at most"):
        content.module_of({"a.cue": "// ä\n".encode() * (content.MOST_BYTES // 5)}, where="here")
