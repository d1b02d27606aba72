"""The folder of cluster files, followed on a real file system."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from fleet.registry import directory
from fleet.registry.directory import Directory, Registrations, follow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from fleet.registry.clusters import Cluster

GOOD = "name: {name}\nconnection: {{inCluster: {{}}}}\n"
BROKEN = "name: [\n"
NEVER_S = 3600.0
DEADLINE_S = 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two clusters."""
    return make(tmp_path / "clusters", "a", "b")


def make(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        add(folder, name)
    return folder


def add(folder: Path, name: str, *, more: str = "") -> None:
    (folder / f"{name}.yaml").write_text(GOOD.format(name=name) + more)


def names(registrations: Registrations) -> list[str]:
    return [cluster.name for cluster in registrations.clusters]


def listed(registrations: Registrations) -> list[str]:
    return sorted(registrations.listed or ())


def cluster(registrations: Registrations, name: str) -> Cluster:
    (found,) = (cluster for cluster in registrations.clusters if cluster.name == name)
    return found


def make_mount(mount: Path) -> None:
    for version, label in (("..v1", "old"), ("..v2", "new")):
        (mount / version).mkdir(parents=True)
        add(mount / version, "a", more=f"labels: {{version: {label}}}\n")
    (mount / "..data").symlink_to("..v1")
    (mount / "a.yaml").symlink_to("..data/a.yaml")


def swap_mount(mount: Path) -> None:
    (mount / "..data_tmp").symlink_to("..v2")
    (mount / "..data_tmp").rename(mount / "..data")


@asynccontextmanager
async def following(folder: Path, *, rescan_s: float = NEVER_S) -> AsyncIterator[AsyncGenerator[Registrations]]:
    async with aclosing(follow(folder, rescan_s=rescan_s)) as changes:
        yield changes


async def following_item(changes: AsyncGenerator[Registrations]) -> Registrations:
    async with asyncio.timeout(DEADLINE_S):
        return await anext(changes)


def test_a_scan_gives_all_clusters_by_name(folder: Path) -> None:
    (folder / "README.md").write_text("not a cluster")
    (folder / "example.yaml.txt").write_text(BROKEN)
    (folder / ".b.yaml.swp").write_text(BROKEN)
    (folder / ".hidden.yaml").write_text(BROKEN)

    found = Directory(folder).scan()

    assert names(found) == ["a", "b"]
    assert found.errors == ()
    assert listed(found) == ["a", "b"]


def test_a_broken_file_is_reported_and_leaves_every_cluster_as_it_was(folder: Path) -> None:
    clusters = Directory(folder)
    before = clusters.scan()
    (folder / "a.yaml").write_text(BROKEN)
    add(folder, "b", more="suspend: true\n")

    after = clusters.scan()

    assert cluster(after, "a") == cluster(before, "a")
    assert cluster(after, "b").suspend
    assert [error.file for error in after.errors] == [folder / "a.yaml"]
    assert listed(after) == ["a", "b"]


def test_a_file_that_was_never_good_is_listed_and_not_a_cluster(folder: Path) -> None:
    (folder / "c.yaml").write_text(BROKEN)

    found = Directory(folder).scan()

    assert names(found) == ["a", "b"]
    assert listed(found) == ["a", "b", "c"]


def test_a_removed_file_takes_its_cluster_along_even_if_it_was_broken_last(folder: Path) -> None:
    clusters = Directory(folder)
    clusters.scan()
    (folder / "a.yaml").write_text(BROKEN)
    clusters.scan()
    (folder / "a.yaml").unlink()

    found = clusters.scan()

    assert names(found) == ["b"]
    assert listed(found) == ["b"]
    assert found.errors == ()


def test_a_folder_that_cannot_be_listed_takes_nothing_along(folder: Path) -> None:
    clusters = Directory(folder)
    clusters.scan()
    folder.rename(folder.with_name("elsewhere"))

    found = clusters.scan()

    assert names(found) == ["a", "b"]
    assert found.listed is None
    assert "cannot be listed" in str(found.errors[0])


def test_another_ending_is_reported_with_the_one_that_works(folder: Path) -> None:
    (folder / "c.yml").write_text(GOOD.format(name="c"))

    found = Directory(folder).scan()

    assert names(found) == ["a", "b"]
    assert "rename it to c.yaml" in str(found.errors[0])


def test_a_kubeconfig_that_appears_later_mends_its_cluster_file(folder: Path) -> None:
    (folder / "c.yaml").write_text("name: c\nconnection: {kubeconfig: {path: c.kubeconfig}}\n")
    clusters = Directory(folder)
    assert len(clusters.scan().errors) == 1

    (folder / "c.kubeconfig").touch()

    assert names(clusters.scan()) == ["a", "b", "c"]


def test_errors_are_the_same_if_their_words_are(folder: Path) -> None:
    (folder / "a.yaml").write_text(BROKEN)
    clusters = Directory(folder)

    assert clusters.scan().same_as(clusters.scan())
    assert not clusters.scan().same_as(None)


async def test_files_added_changed_broken_mended_and_removed_are_noticed_by_events(folder: Path) -> None:
    async with following(folder) as changes:
        assert names(await following_item(changes)) == ["a", "b"]

        add(folder, "c")
        assert names(await following_item(changes)) == ["a", "b", "c"]

        add(folder, "c", more="labels: {tier: prod}\n")
        assert cluster(await following_item(changes), "c").labels == {"tier": "prod"}

        (folder / "c.yaml").write_text(BROKEN)
        broken = await following_item(changes)
        assert cluster(broken, "c").labels == {"tier": "prod"}
        assert len(broken.errors) == 1

        add(folder, "c")
        mended = await following_item(changes)
        assert cluster(mended, "c").labels == {}
        assert mended.errors == ()

        (folder / "c.yaml").unlink()
        assert names(await following_item(changes)) == ["a", "b"]


async def test_a_change_right_after_the_first_look_is_not_missed(folder: Path) -> None:
    for name in (f"c{n}" for n in range(10)):
        async with following(folder) as changes:
            await following_item(changes)
            add(folder, name)

            assert name in names(await following_item(changes))


async def test_the_watch_begins_before_the_first_look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a change between the two would wait for a rescan."""
    order: list[str] = []
    scan = Directory.scan

    async def watch(*_: object, **__: object) -> AsyncGenerator[set[object]]:
        order.append("watch")
        await asyncio.Event().wait()
        yield set()

    def look(self: Directory) -> Registrations:
        order.append("look")
        return scan(self)

    monkeypatch.setattr(directory, "awatch", watch)
    monkeypatch.setattr(Directory, "scan", look)
    async with following(folder) as changes:
        await following_item(changes)

    assert order == ["watch", "look"]


async def test_what_events_do_not_tell_a_rescan_finds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_events(
        *_: object, rust_timeout: int, yield_on_timeout: bool, **__: object
    ) -> AsyncGenerator[set[object]]:
        while True:
            await asyncio.sleep(rust_timeout / 1000)
            if yield_on_timeout:
                yield set()

    monkeypatch.setattr(directory, "awatch", no_events)
    async with following(folder, rescan_s=0.05) as changes:
        await following_item(changes)
        add(folder, "c")

        assert names(await following_item(changes)) == ["a", "b", "c"]


async def test_a_mounted_config_map_that_is_swapped_is_noticed(tmp_path: Path) -> None:
    """As the kubelet does it: files link through ``..data``, which is replaced in one rename."""
    mount = tmp_path / "clusters"
    make_mount(mount)
    async with following(mount) as changes:
        assert cluster(await following_item(changes), "a").labels == {"version": "old"}

        swap_mount(mount)

        assert cluster(await following_item(changes), "a").labels == {"version": "new"}


async def test_a_folder_that_is_replaced_is_followed_on(folder: Path) -> None:
    async with following(folder, rescan_s=0.1) as changes:
        await following_item(changes)
        await asyncio.to_thread(folder.rename, folder.with_name("elsewhere"))
        gone = await following_item(changes)
        assert (names(gone), gone.listed) == (["a", "b"], None)

        make(folder.with_name("staged"), "b").rename(folder)

        assert names(await following_item(changes)) == ["b"]


async def test_a_folder_that_was_replaced_is_watched_and_not_only_rescanned(folder: Path) -> None:
    rescan_s = 2.0
    async with following(folder, rescan_s=rescan_s) as changes:
        await following_item(changes)
        await asyncio.to_thread(folder.rename, folder.with_name("elsewhere"))
        await following_item(changes)
        make(folder.with_name("staged"), "b").rename(folder)
        await following_item(changes)

        start = time.monotonic()
        add(folder, "c")

        assert names(await following_item(changes)) == ["b", "c"]
        assert time.monotonic() - start < 0.75 * rescan_s


async def test_a_folder_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "clusters"
    async with following(folder, rescan_s=0.1) as changes:
        assert (await following_item(changes)).listed is None

        make(tmp_path / "staged", "a").rename(folder)

        assert names(await following_item(changes)) == ["a"]


async def test_following_ends_at_once_when_cancelled(folder: Path) -> None:
    seen = asyncio.Event()

    async def hub() -> None:
        async with aclosing(follow(folder, rescan_s=NEVER_S)) as changes:
            async for _ in changes:
                seen.set()

    task = asyncio.create_task(hub())
    await seen.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)

    assert done == {task}
    assert task.cancelled()


def test_a_thousand_files_are_looked_at_again_without_parsing_them(folder: Path) -> None:
    for n in range(1000):
        add(folder, f"c{n}")
    clusters = Directory(folder)
    first = clusters.scan()
    before = os.times().user

    again = clusters.scan()

    assert again.same_as(first)
    assert all(one is other for one, other in zip(first.clusters, again.clusters, strict=True))
    assert os.times().user - before < 1
