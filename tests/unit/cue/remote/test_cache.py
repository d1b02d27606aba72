"""The cache of modules on disk."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from fleet.cue.module import Module
from fleet.cue.remote.cache import Kept, ModuleCache

HELLO = Module.of({"a.cue": "hello: 1", "cue.mod/module.cue": ""})
PLENTY = 2**20


@pytest.fixture
def cache(tmp_path: Path) -> ModuleCache:
    return ModuleCache(tmp_path, limit_bytes=PLENTY)


def large(letter: str) -> Module:
    return Module.of({"a.cue": letter * 1000})


def test_what_was_put_is_there_for_the_next_process(cache: ModuleCache, tmp_path: Path) -> None:
    cache.put("web at v1", module=HELLO, revision="abc")

    assert ModuleCache(tmp_path, limit_bytes=PLENTY).get("web at v1") == Kept(module=HELLO, revision="abc")
    assert cache.get("web at v2") is None


def test_one_module_of_two_names_lies_there_once(cache: ModuleCache, tmp_path: Path) -> None:
    for key in ("branch", "commit"):
        cache.put(key, module=HELLO, revision="abc")

    assert [file.name for file in (tmp_path / "modules").iterdir()] == [HELLO.digest.removeprefix("sha256:")]
    assert cache.get("branch") == cache.get("commit")


def test_a_name_that_moves_says_the_new_module(cache: ModuleCache) -> None:
    cache.put("branch", module=HELLO, revision="abc")
    cache.put("branch", module=large("x"), revision="def")

    assert cache.get("branch") == Kept(module=large("x"), revision="def")


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path, limit_bytes=3 * 1400)
    for at, letter in enumerate("abc"):
        cache.put(letter, module=large(letter), revision="1")
        for file in tmp_path.glob("*/*"):
            if file.stat().st_mtime > 1000:
                os.utime(file, (at, at))
    assert cache.get("a") is not None, "which makes it the latest"

    cache.put("d", module=large("d"), revision="1")

    assert [letter for letter in "abcd" if cache.get(letter) is not None] == ["a", "c", "d"]


def test_the_limit_holds_for_all_files_together(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path, limit_bytes=5000)
    for number in range(30):
        cache.put(f"{number}", module=Module.of({"a.cue": f"{number}" * 500}), revision="1")
        assert sum(file.stat().st_size for file in tmp_path.glob("*/*")) <= 5000
    assert cache.get("29") is not None


def test_a_module_beyond_the_limit_is_not_kept(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path, limit_bytes=500)
    cache.put("a", module=large("a"), revision="1")

    assert cache.get("a") is None


@pytest.mark.parametrize("folder", ["modules", "notes"])
@pytest.mark.parametrize("damage", [b"", b"{", b'{"files": {"a.cue": "evil"}}', b"\xff\xfe", None])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(
    cache: ModuleCache, tmp_path: Path, folder: str, damage: bytes | None
) -> None:
    cache.put("web", module=HELLO, revision="abc")
    [file] = (tmp_path / folder).iterdir()
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)

    assert cache.get("web") is None
    cache.put("web", module=HELLO, revision="abc")
    assert cache.get("web") == Kept(module=HELLO, revision="abc")


def test_a_disk_that_fails_fails_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder is wanted")
    cache = ModuleCache(tmp_path / "file", limit_bytes=PLENTY)

    cache.put("web", module=HELLO, revision="abc")

    assert cache.get("web") is None


def test_others_of_the_machine_cannot_read_it(cache: ModuleCache, tmp_path: Path) -> None:
    cache.put("web", module=HELLO, revision="abc")

    modes = {file.stat().st_mode & 0o077 for file in (*tmp_path.glob("*"), *tmp_path.glob("*/*"))}
    assert modes == {0}


def test_processes_that_share_a_folder_never_see_half_a_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        found = pool.map(use_much, [(str(tmp_path), number) for number in range(3)], chunksize=1)

    assert all(found), "each got something, and nothing that it had not asked for"


def use_much(task: tuple[str, int]) -> int:
    """Put and get in a cache that has room for a few; gives how often something was there."""
    folder, seed = task
    cache = ModuleCache(Path(folder), limit_bytes=4000)
    found = 0
    for number in range(150):
        letter = "abcdefg"[(number * (seed + 2) + seed) % 7]
        if cache.get(letter) is None:
            cache.put(letter, module=large(letter), revision="1")
        if (kept := cache.get(letter)) is not None:
            assert kept.module == large(letter)
            found += 1
    return found
