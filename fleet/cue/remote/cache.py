"""Modules on disk, by the digest of their content, and which revision of which source was which.

Two kinds of files: a module, named by its digest, and a note, named by what was asked for, which says the digest.
Several processes may share the folder: files appear whole, are never changed, and are checked when they are read,
so that one which is cut, edited or deleted meanwhile is as good as none. Past a limit the least recently used go.
Nothing here is needed: where the disk fails, the source is asked again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import structlog

from fleet.cue.module import Module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger(__name__)

T = TypeVar("T")


class _Files(msgspec.Struct, frozen=True, kw_only=True):
    files: dict[str, str]


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    digest: str
    revision: str


_files = msgspec.json.Decoder(_Files)
_note = msgspec.json.Decoder(_Note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A module of the cache, and which revision of its source it is."""

    module: Module
    revision: str


class ModuleCache:
    """The cache in one folder. Its methods wait for the disk: call them from a thread."""

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def get(self, key: str) -> Kept | None:
        """What was put under ``key``, if it is still there and whole."""
        note_file = self._note_file(key)
        note = _read(note_file, lambda content: _whole_note(content, key))
        if note is None:
            return None
        module_file = self._module_file(note.digest)
        module = _read(module_file, lambda content: _whole_module(content, note.digest))
        if module is None:
            return None
        for used in (note_file, module_file):
            _touch(used)
        return Kept(module=module, revision=note.revision)

    def put(self, key: str, *, module: Module, revision: str) -> None:
        """Keep ``module`` under ``key``, and let go of what has not been used for longest."""
        note = _Note(key=key, digest=module.digest, revision=revision)
        try:
            module_file = self._module_file(module.digest)
            if not _touch(module_file):
                _write(module_file, msgspec.json.encode(_Files(files=dict(module.files))))
            _write(self._note_file(key), msgspec.json.encode(note))
            self._shrink()
        except OSError as exc:
            log.warning("cannot keep a module on disk", folder=str(self._folder), error=str(exc))

    def _module_file(self, digest: str) -> Path:
        return self._folder / "modules" / digest.removeprefix("sha256:")

    def _note_file(self, key: str) -> Path:
        return self._folder / "notes" / hashlib.sha256(key.encode()).hexdigest()

    def _shrink(self) -> None:
        """Delete files, the least recently used first, until the limit is kept."""
        known = sorted(self._all(), key=lambda each: each[0])
        size = sum(each for _, each, _ in known)
        for _, bytes_, file in known:
            if size <= self._limit_bytes:
                return
            file.unlink(missing_ok=True)
            size -= bytes_

    def _all(self) -> Iterator[tuple[int, int, Path]]:
        for folder in ("modules", "notes"):
            with os.scandir(self._folder / folder) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # another process has just deleted it
                        continue
                    yield status.st_mtime_ns, status.st_size, Path(entry.path)


def _whole_note(content: bytes, key: str) -> _Note | None:
    note = _note.decode(content)
    return note if note.key == key else None


def _whole_module(content: bytes, digest: str) -> Module | None:
    module = Module.of(_files.decode(content).files)
    return module if module.digest == digest else None


def _read(file: Path, decode: Callable[[bytes], T | None]) -> T | None:
    """What a file holds. One that is not as it was written is deleted: else it would never be written again."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    with suppress(msgspec.DecodeError, UnicodeError):
        if (value := decode(content)) is not None:
            return value
    log.warning("a file of the module cache is damaged", file=str(file))
    with suppress(OSError):
        file.unlink()
    return None


def _touch(file: Path) -> bool:
    """Count a file as used now; False where it is not there."""
    try:
        os.utime(file)
    except OSError:  # it has just gone, or is somebody else's
        return file.exists()
    return True


def _write(file: Path, content: bytes) -> None:
    """Let a file appear whole, readable by this user alone: private modules lie here too."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
