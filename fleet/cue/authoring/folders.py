"""Modules where their authors have them: in a folder, or among those that come with this package."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.cue import sources
from fleet.cue.authoring import registries
from fleet.cue.errors import ModuleError
from fleet.cue.remote import content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.cue.module import Module

EMBEDDED = "embedded:"
CASES = "cases"
MODULE_FILE = content.MODULE_FILE
DEPENDENCIES = ".deps"
"""Where among a module's files those of its dependencies are (engine/internal/bundle)."""

_SAYS_DEPENDENCIES = re.compile(rb"\bdeps\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authored:
    """A module and the folder that it was read from."""

    where: str
    """As the author named it."""

    folder: Path
    files: Mapping[str, bytes]
    """All files of the folder, those included that CUE does not read."""

    module: Module
    """With the files of what it depends on."""

    @property
    def name(self) -> str:
        """What a Transform of this module would be called."""
        return name_of(self.folder)

    @property
    def cases(self) -> Path:
        """The folder of its table of cases."""
        return self.folder / CASES


def name_of(folder: Path) -> str:
    """The name of a folder, as a name in Kubernetes."""
    return folder.resolve().name.lower().replace("_", "-")


def is_embedded(where: str) -> bool:
    """Whether the module is part of this installation, and nobody's to change."""
    return where.startswith(EMBEDDED)


def prefix(where: str) -> Path:
    """What to put before the name of one of a module's files, so that a terminal finds it."""
    return Path() if is_embedded(where) else Path(where)


async def read(where: str) -> Authored:
    """The module in the folder ``where``, or the one that ``embedded:NAME`` names, with what it depends on.

    Dependencies come from where the author's cue command takes them. Raises ModuleError, RegistryRefused or
    SourceUnavailable.
    """
    folder = await asyncio.to_thread(_folder_of, where)
    files = await asyncio.to_thread(_files_in, folder)
    dependencies: Mapping[str, bytes] = {}
    if _SAYS_DEPENDENCIES.search(files.get(MODULE_FILE, b"")):
        dependencies = await registries.dependencies(files[MODULE_FILE])
    relevant = {name: text for name, text in {**files, **dependencies}.items() if content.may_matter(name)}
    return Authored(where=where, folder=folder, files=files, module=content.module_of(relevant, where=str(folder)))


def _folder_of(where: str) -> Path:
    if is_embedded(where):
        name = where.removeprefix(EMBEDDED)
        if name not in sources.embedded_names():
            known = ", ".join(f"{EMBEDDED}{each}" for each in sources.embedded_names())
            raise ModuleError(f"there is no module {where}; there are {known}")
        return sources.embedded_folder(name)
    folder = Path(where)
    if not folder.is_dir():
        raise ModuleError(f"{folder} is not a folder; `fleet module init {folder}` makes one with a first module")
    if not any(folder.glob("*.cue")):
        raise ModuleError(
            f"{folder} has no .cue file, so it is no module; `fleet module init` makes a folder with a first one"
        )
    return folder


def _files_in(folder: Path) -> dict[str, bytes]:
    """All files under ``folder``: regular ones only, nothing behind a link, nothing hidden."""
    found = dict(sorted(_walk(folder)))
    sizes = (path.stat().st_size for path in found.values())
    content.refuse_too_much(sizes, where=str(folder), advice="Name the folder of the module alone")
    return {name: path.read_bytes() for name, path in found.items()}


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and not name.startswith("."):
                yield path.relative_to(folder).as_posix(), path
