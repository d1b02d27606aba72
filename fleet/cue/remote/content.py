"""Which of the files that a source has belong to the module, and how many they may be."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fleet.cue.errors import ModuleError
from fleet.cue.module import Module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_BYTES = 8 * 1024 * 1024
"""What the evaluator takes (engine/internal/module); a module is text that people write."""

MOST_FILES = 5000

MODULE_FILE = "cue.mod/module.cue"
"""What a module says of itself. The one at a module's root counts, and no other."""

_HINTS = 3
_EMBEDDABLE = frozenset({".json", ".jsonl", ".yaml", ".yml", ".toml", ".xml", ".txt"})
_EMBED = "@embed("
_ADVICE = "Name the folder of the module in cueRef.path"


def may_matter(path: str) -> bool:
    """Whether CUE could read a file of this name: its own files, and data that it can embed."""
    suffix = PurePosixPath(path).suffix
    return suffix == ".cue" or suffix in _EMBEDDABLE


def refuse_too_much(sizes: Iterable[int], *, where: str, advice: str = _ADVICE) -> None:
    """Raise ModuleError where files of these sizes are more than a module may be."""
    listed = list(sizes)
    if len(listed) > MOST_FILES or sum(listed) > MOST_BYTES:
        raise ModuleError(
            f"{where}: {len(listed)} files of {sum(listed) / 2**20:.1f} MiB together; a module has at most "
            f"{MOST_FILES} files and {MOST_BYTES // 2**20} MiB. {advice}"
        )


def module_of(files: Mapping[str, bytes], *, where: str) -> Module:
    """The module that ``files`` are.

    Data files are part of it only where some CUE file embeds files, so that its digest does not change with every
    other file that lies beside it. Raises ModuleError.
    """
    text = {path: _text(path, content, where) for path, content in files.items() if path.endswith(".cue")}
    if any(_EMBED in each for each in text.values()):
        text |= {
            path: _text(path, content, where)
            for path, content in files.items()
            if path not in text and may_matter(path)
        }
    if not any("/" not in path for path in text if path.endswith(".cue")):
        raise ModuleError(
            f"{where}: there is no .cue file; name the folder of the module in cueRef.path{_such_as(text)}"
        )
    refuse_too_much((len(files[path]) for path in text), where=where)
    return Module.of(text)


def _such_as(paths: Iterable[str]) -> str:
    """The folders that say of themselves that they are modules, as a hint."""
    suffix = f"/{MODULE_FILE}"
    folders = sorted(path.removesuffix(suffix) for path in paths if path.endswith(suffix))
    return f": {' or '.join(folders[:_HINTS])}" if folders else ""


def _text(path: str, content: bytes, where: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ModuleError(f"{where}: {path} is not UTF-8 text") from None
