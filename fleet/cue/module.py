"""A CUE module as a value: its files, and the digest that stands for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.ids import ModuleDigest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """``files`` maps paths inside the module, such as ``cue.mod/module.cue``, to their text."""

    files: Mapping[str, str]
    digest: ModuleDigest

    @classmethod
    def of(cls, files: Mapping[str, str]) -> Module:
        """The module that consists of ``files``."""
        return cls(files=dict(files), digest=digest_of(files))


def digest_of(files: Mapping[str, str]) -> ModuleDigest:
    """The content hash of a module: it changes whenever a file's path or text does, and with nothing else."""
    content = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            # Length first, so that no text can pass for the end of one file and the beginning of the next.
            content.update(len(part).to_bytes(8, "big"))
            content.update(part)
    return ModuleDigest(f"sha256:{content.hexdigest()}")
