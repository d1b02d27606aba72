"""What must be the same when the control planes of a folder start again, and its file ``fleet.json``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from fleet.errors import Terminal
from fleet.local import credentials

if TYPE_CHECKING:
    from pathlib import Path

FILE = "fleet.json"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class InvalidName(Terminal):
    """A cluster cannot have this name."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One control plane's."""

    name: str
    port: int
    token: str


class Identities(msgspec.Struct, frozen=True, kw_only=True):
    """Those of all control planes in a folder, and of the etcd that they share."""

    etcd_port: int
    control_planes: tuple[Identity, ...]


def read(folder: Path) -> Identities | None:
    """What ``write`` left in ``folder``; None where no control plane has ever been started there."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identities)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as exc:
        raise Terminal(f"{path} is damaged ({exc}); `fleet local down --wipe` removes it with its data") from exc


def write(folder: Path, identities: Identities) -> None:
    """Remember them; the file holds the administrators' tokens and is its owner's only."""
    credentials.write_private(folder / FILE, msgspec.json.encode(identities).decode())


def check_name(name: str) -> str:
    """``name``, if a cluster can have it: it names a folder, a kubeconfig context and a key prefix in etcd."""
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"a cluster cannot be named {name!r}: use lower-case letters, digits and hyphens, 63 at most"
        )
    return name
