"""Finds the credentials for a repository in a Secret of type ``kubernetes.io/dockerconfigjson``."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fleet.cue.errors import ModuleError

if TYPE_CHECKING:
    from fleet.cue.remote.ociref import OciRef
    from fleet.cue.remote.origin import PullSecret

KEY = ".dockerconfigjson"


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    username: str = ""
    password: str = ""
    auth: str = ""
    identitytoken: str = ""


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    auths: dict[str, _Entry] = {}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """A user and a password, or an identity token; all are empty where a registry is asked without."""

    username: str = ""
    password: str = ""
    token: str = ""


def credentials(ref: OciRef, secret: PullSecret) -> Credentials:
    """What a registry is to be told. Raises ModuleError, without repeating anything of the Secret."""
    if KEY not in secret:
        if set(secret) <= {"ca.crt"}:
            return Credentials()
        raise ModuleError(
            f"cueRef.pullSecretRef: for a registry the Secret has the key {KEY} "
            f"(type kubernetes.io/dockerconfigjson); it has {', '.join(sorted(secret))}"
        )
    try:
        config = msgspec.json.decode(secret[KEY], type=_Config)
    except msgspec.DecodeError:
        raise ModuleError(f"cueRef.pullSecretRef: {KEY} is not the configuration of a Docker client") from None
    # As the kubelet does: the longest entry that the repository lies below.
    matching = {_plain(name): entry for name, entry in config.auths.items() if _covers(_plain(name), ref.name)}
    if not matching:
        raise ModuleError(
            f"cueRef.pullSecretRef: the Secret has no credentials for {ref.host}; it has some for "
            f"{', '.join(sorted(map(_plain, config.auths))) or 'no registry'}"
        )
    return _of(matching[max(matching, key=len)])


def _plain(name: str) -> str:
    """An entry's name without what old clients put around the host."""
    for scheme in ("https://", "http://"):
        name = name.removeprefix(scheme)
    return name.rstrip("/").removesuffix("/v1").removesuffix("/v2")


def _covers(entry: str, name: str) -> bool:
    return name == entry or name.startswith(f"{entry}/")


def _of(entry: _Entry) -> Credentials:
    username, password = entry.username, entry.password
    if entry.auth:
        try:
            username, _, password = base64.b64decode(entry.auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ModuleError(
                "cueRef.pullSecretRef: an auth in the Secret is not base64 of user:password"
            ) from None
    return Credentials(username=username, password=password, token=entry.identitytoken)
