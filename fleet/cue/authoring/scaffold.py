"""The first version of a new module: small, complete, and with comments that say why."""

from __future__ import annotations

import re
from pathlib import Path

from fleet.errors import Terminal

_TEMPLATE = Path(__file__).parent / "template"
_KIND, _PACKAGE = "NewKind", "newkind"  # what the kind and the package are called in the template
_A_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


class ScaffoldError(Terminal):
    """A new module cannot be put where it is asked for."""


def write(folder: Path, *, kind: str) -> list[Path]:
    """Write a module of ``kind`` into ``folder``, which is empty or not there. Gives the files, by name."""
    if not _A_KIND.fullmatch(kind):
        raise ScaffoldError(
            f"{kind!r} cannot be a kind: it has letters and digits and begins with a capital, such as "
            "MessageQueue; name another one with --kind"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(f"{folder} is there already and not an empty folder; name one that is not there yet")
    written = []
    for source in sorted(path for path in _TEMPLATE.rglob("*") if path.is_file()):
        target = folder / source.relative_to(_TEMPLATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        target.write_text(text.replace(_KIND, kind).replace(_PACKAGE, kind.lower()), encoding="utf-8")
        written.append(target)
    return written
