"""The folder of cluster files, followed: what it says now, and again whenever that changes.

Events come from the file system, and a slow rescan finds what it does not tell (network file systems, and the
symbolic links that Kubernetes swaps under a mounted ConfigMap). What cannot be read means nothing: a broken file
leaves its cluster as it was last understood, and a folder that cannot be listed leaves all of them.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from watchfiles import awatch

from fleet.ids import ClusterName
from fleet.registry import files
from fleet.registry.errors import ClusterFileError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from fleet.registry.clusters import Cluster

log = structlog.get_logger()

RESCAN_S = 10.0
SETTLE_MS = 500  # how long a burst of events may go on before it is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrations:
    """The clusters in force, by name, and what is wrong with the files.

    ``listed`` has the clusters whose files are there, broken ones included; it is None where the folder itself
    could not be listed. Only a cluster that is missing from it has left the fleet.
    """

    clusters: tuple[Cluster, ...]
    errors: tuple[ClusterFileError, ...]
    listed: frozenset[ClusterName] | None

    def same_as(self, other: Registrations | None) -> bool:
        """Whether both say the same; errors are compared by their words."""
        return (
            other is not None
            and (self.clusters, self.listed) == (other.clusters, other.listed)
            and [str(error) for error in self.errors] == [str(error) for error in other.errors]
        )


async def follow(folder: Path, *, rescan_s: float = RESCAN_S) -> AsyncGenerator[Registrations]:
    """What the folder says: first now, then after each change. Close it (``aclosing``) to end the watch."""
    directory = Directory(folder)
    last: Registrations | None = None
    while True:
        try:
            async with aclosing(_ticks(folder, rescan_s=rescan_s)) as ticks:
                async for _ in ticks:
                    now = await asyncio.to_thread(directory.scan)
                    if not now.same_as(last):
                        last = now
                        yield now
                    if now.listed is None:
                        break  # the watch stays with a folder that was moved away, so begin another
        except (OSError, RuntimeError) as error:  # no more watches to be had is watchfiles' RuntimeError
            log.warning("cannot watch the cluster files, only rescan them", folder=str(folder), error=str(error))
        await asyncio.sleep(rescan_s)


async def _ticks(folder: Path, *, rescan_s: float) -> AsyncGenerator[None]:
    """One item when the watch has begun, and one each time that the folder is worth another look."""
    watch = awatch(
        folder,
        watch_filter=None,
        recursive=False,
        debounce=SETTLE_MS,
        rust_timeout=int(rescan_s * 1000),
        yield_on_timeout=True,
    )
    async with aclosing(watch) as changes:
        first = asyncio.ensure_future(anext(changes))
        try:
            await asyncio.sleep(0)  # begins the watch, so that no change falls between the first look and it
            yield
            await first
        finally:
            first.cancel()
            await asyncio.wait([first])
        yield
        async for _ in changes:
            yield


class Directory:
    """A folder and what was last understood of it. ``scan`` blocks on the file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._read: dict[Path, tuple[bytes, Cluster]] = {}
        self._good: dict[ClusterName, Cluster] = {}

    def scan(self) -> Registrations:
        """Read the folder again; files with the content of the last time are not parsed again."""
        try:
            paths = sorted(path for path in self._folder.iterdir() if _is_cluster_file(path))
        except OSError as error:
            problem = f"the folder of cluster files cannot be listed: {error.strerror or error}"
            return self._registrations(errors=[ClusterFileError(problem, file=self._folder)], listed=None)
        errors: list[ClusterFileError] = []
        for path in paths:
            try:
                cluster = self._load(path)
            except ClusterFileError as error:
                errors.append(error)
            else:
                self._good[cluster.name] = cluster
        listed = frozenset(ClusterName(path.stem) for path in paths)
        self._good = {name: cluster for name, cluster in self._good.items() if name in listed}
        return self._registrations(errors=errors, listed=listed)

    def _registrations(
        self, *, errors: list[ClusterFileError], listed: frozenset[ClusterName] | None
    ) -> Registrations:
        clusters = tuple(self._good[name] for name in sorted(self._good))
        return Registrations(clusters=clusters, errors=tuple(errors), listed=listed)

    def _load(self, path: Path) -> Cluster:
        if path.suffix != ".yaml":
            raise ClusterFileError(f"cluster files end in .yaml; rename it to {path.stem}.yaml", file=path)
        content = files.read(path)
        known = self._read.get(path)
        if known is not None and known[0] == content:
            return known[1]
        cluster = files.parse(content, file=path)
        self._read[path] = (content, cluster)
        return cluster


def _is_cluster_file(path: Path) -> bool:
    return path.suffix in {".yaml", ".yml"} and not path.name.startswith(".")
