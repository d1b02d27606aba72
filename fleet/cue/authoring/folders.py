"""Modules where their authors have them: in a folder, or among those that come with this package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.cue import sources
from fleet.cue.errors import ModuleError
from fleet.cue.module import Module
from fleet.cue.remote import content

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED = "embedded:"
CASES = "cases"

_EMBEDDED_FOLDER = Path(sources.__file__).parent / "modules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authored:
    """A module and the folder that it was read from."""

    where: str
    """As the author named it."""

    folder: Path
    module: Module

    @property
    def name(self) -> str:
        """What a Transform of this module would be called: the name of its folder."""
        return self.folder.resolve().name.lower().replace("_", "-")

    @property
    def embedded(self) -> bool:
        """Whether it is part of this installation, and nobody's to change."""
        return self.where.startswith(EMBEDDED)

    @property
    def prefix(self) -> Path:
        """What to put before the name of one of its files, so that a terminal finds it."""
        return Path() if self.embedded else Path(self.where)


def read(where: str) -> Authored:
    """The module in the folder ``where``, or the one that ``embedded:NAME`` names. Raises ModuleError."""
    if where.startswith(EMBEDDED):
        name = where.removeprefix(EMBEDDED)
        if name not in sources.embedded_names():
            known = ", ".join(f"{EMBEDDED}{each}" for each in sources.embedded_names())
            raise ModuleError(f"there is no module {where}; there are {known}")
        folder = _EMBEDDED_FOLDER / name
        return Authored(where=where, folder=folder, module=sources.read_folder(folder))
    folder = Path(where)
    return Authored(where=where, folder=folder, module=_module_in(folder))


def files(folder: Path) -> dict[str, bytes]:
    """All files under ``folder``: regular ones only, nothing behind a link, nothing hidden. Raises ModuleError."""
    if not folder.is_dir():
        raise ModuleError(f"{folder} is not a folder; `fleet module init {folder}` makes one with a first module")
    found = dict(sorted(_walk(folder)))
    _refuse_too_much(found, folder)
    return {name: path.read_bytes() for name, path in found.items()}


def _module_in(folder: Path) -> Module:
    """As git and registries give it: CUE files, and data where some file embeds it."""
    found = {name: text for name, text in files(folder).items() if content.may_matter(name)}
    if not any("/" not in name and name.endswith(".cue") for name in found):
        raise ModuleError(
            f"{folder} has no .cue file, so it is no module; `fleet module init` makes a folder with a first one"
        )
    return content.module_of(found, where=str(folder))


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and not name.startswith("."):
                yield path.relative_to(folder).as_posix(), path


def _refuse_too_much(found: dict[str, Path], folder: Path) -> None:
    size = sum(path.stat().st_size for path in found.values())
    if len(found) > content.MOST_FILES or size > content.MOST_BYTES:
        raise ModuleError(
            f"{folder} has {len(found)} files of {size / 2**20:.1f} MiB together; a module has at most "
            f"{content.MOST_FILES} files and {content.MOST_BYTES // 2**20} MiB"
        )
