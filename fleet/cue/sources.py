"""Where modules come from: one function for each ``type`` of a Transform's ``cueRef``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fleet.cue.errors import ModuleError
from fleet.cue.module import Module

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_EMBEDDED = Path(__file__).parent / "modules"
_INLINE_FILE = "inline.cue"


class ModuleRef(Protocol):
    """``cueRef`` of a Transform, as far as a source reads it."""

    @property
    def type(self) -> str:
        """The name of the source."""
        ...

    @property
    def ref(self) -> str:
        """Which module of that source."""
        ...

    @property
    def path(self) -> str:
        """The folder of the module inside what ``ref`` names; empty for all of it."""
        ...


async def resolve(ref: ModuleRef) -> Module:
    """The module that ``ref`` names now. Raises ModuleError."""
    source = SOURCES.get(ref.type)
    if source is None:
        raise ModuleError(
            f"cueRef.type: modules of type {ref.type!s} cannot be loaded; the types are {', '.join(SOURCES)}",
        )
    return await source(ref)


async def embedded(ref: ModuleRef) -> Module:
    """A module that comes with this package; ``ref`` is its name."""
    _refuse_path(ref)
    return await asyncio.to_thread(_read_embedded, ref.ref)


async def inline(ref: ModuleRef) -> Module:
    """A module of one file; ``ref`` is its text."""
    _refuse_path(ref)
    return Module.of({_INLINE_FILE: ref.ref})


SOURCES: Mapping[str, Callable[[ModuleRef], Awaitable[Module]]] = {"embedded": embedded, "inline": inline}


def embedded_names() -> tuple[str, ...]:
    """The modules that come with this package."""
    return tuple(sorted(folder.name for folder in _EMBEDDED.iterdir() if folder.is_dir()))


def embedded_folder(name: str) -> Path:
    """The folder of one of them. Raises ModuleError."""
    names = embedded_names()
    if name not in names:
        raise ModuleError(f"cueRef.ref: there is no embedded module {name!r}; there are {', '.join(names)}")
    return _EMBEDDED / name


def read_folder(folder: Path) -> Module:
    """The module whose files lie under ``folder``: CUE files only, and nothing that a link points to."""
    paths = sorted(path for path in folder.rglob("*.cue") if path.is_file() and not path.is_symlink())
    return Module.of({path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths})


def _read_embedded(name: str) -> Module:
    return read_folder(embedded_folder(name))


def _refuse_path(ref: ModuleRef) -> None:
    if ref.path:
        raise ModuleError(f"cueRef.path: a module of type {ref.type!s} is whole, and has no path {ref.path!r}")
