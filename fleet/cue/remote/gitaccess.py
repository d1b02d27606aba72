"""How git gets at a repository: its settings and credentials, as files of a private folder.

Credentials are given by file only. Arguments and environments of processes can be read by others of the same user,
and git passes its environment on to whatever it starts.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from fleet.cue.errors import ModuleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fleet.cue.remote.gitref import GitRef
    from fleet.cue.remote.origin import PullSecret

_SSH_KEYS = ("ssh-privatekey", "identity")  # kubernetes.io/ssh-auth, and what Flux calls it
_CONNECT_TIMEOUT_S = 10

# Nothing that a repository or a server says can start a program, and nothing is checked out that hooks, filters,
# submodules or LFS could act on.
_SETTINGS = """\
[protocol]
	allow = never
[protocol "{scheme}"]
	allow = always
[core]
	hooksPath = /dev/null
	fsmonitor = false
	askPass =
[credential]
	helper =
	interactive = false
[fetch]
	unpackLimit = 1
	recurseSubmodules = false
	writeCommitGraph = false
[gc]
	auto = 0
[maintenance]
	auto = false
[http]
	followRedirects = initial
	lowSpeedLimit = 1000
	lowSpeedTime = 20
[init]
	defaultBranch = main
	templateDir =
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Files by name, to be written to git's home folder."""

    files: Mapping[str, bytes]
    secrets: tuple[str, ...] = ()
    """What must not be shown where git repeats it."""


def access(ref: GitRef, secret: PullSecret, *, home: Path, trusted: str = "") -> Access:
    """What git needs for this repository; ``trusted`` is a file of certificates. Raises ModuleError."""
    settings = _SETTINGS.format(scheme=ref.scheme)
    if ref.scheme == "ssh":
        return _by_ssh(settings, secret, home)
    return _by_http(settings, ref, secret, home=home, trusted=trusted)


def _by_http(settings: str, ref: GitRef, secret: PullSecret, *, home: Path, trusted: str) -> Access:
    files: dict[str, bytes] = {}
    if "ca.crt" in secret:
        files["ca.crt"] = secret["ca.crt"]
        trusted = str(home / "ca.crt")
    if trusted:
        settings += f"[http]\n\tsslCAInfo = {_quoted(trusted)}\n"
    secrets: tuple[str, ...] = ()
    base = f"{ref.scheme}://{ref.authority}"
    if "bearerToken" in secret:
        token = _line(secret, "bearerToken")
        settings += f"[http {_quoted(base + '/')}]\n\textraHeader = {_quoted(f'Authorization: Bearer {token}')}\n"
        secrets = (token,)
    elif "password" in secret:
        user = _line(secret, "username") if secret.get("username") else "git"
        password = _line(secret, "password")
        # The default file of this helper, in git's home; it answers for this host and no other.
        settings += "[credential]\n\thelper = store\n"
        encoded = quote(password, safe="")
        files[".git-credentials"] = f"{ref.scheme}://{quote(user, safe='')}:{encoded}@{ref.authority}\n".encode()
        secrets = (password, encoded)
    elif secret and not files:
        raise ModuleError(
            "cueRef.pullSecretRef: for a repository over https the Secret has the keys username and password "
            f"(type kubernetes.io/basic-auth), or bearerToken; it has {', '.join(sorted(secret))}"
        )
    return Access(files={**files, ".gitconfig": settings.encode()}, secrets=secrets)


def _by_ssh(settings: str, secret: PullSecret, home: Path) -> Access:
    key = next((secret[name] for name in _SSH_KEYS if name in secret), None)
    if key is None or not secret.get("known_hosts", b"").strip():
        raise ModuleError(
            "cueRef.pullSecretRef: a repository over ssh needs a Secret (type kubernetes.io/ssh-auth) with the "
            "keys ssh-privatekey, without a passphrase, and known_hosts (what `ssh-keyscan HOST` says); "
            f"it has {', '.join(sorted(secret)) or 'none'}"
        )
    command = [
        *("ssh", "-F", "none", "-i", str(home / "identity")),
        *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={home / 'known_hosts'}"),
        *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "UpdateHostKeys=no"),
        *("-o", f"ConnectTimeout={_CONNECT_TIMEOUT_S}", "-o", "ServerAliveInterval=10"),
        *("-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no"),
    ]
    settings += f"[core]\n\tsshCommand = {_quoted(shlex.join(command))}\n[ssh]\n\tvariant = ssh\n"
    return Access(
        files={
            ".gitconfig": settings.encode(),
            "identity": key.rstrip() + b"\n",  # ssh refuses a key without its last line's end
            "known_hosts": secret["known_hosts"],
        }
    )


def _line(secret: PullSecret, key: str) -> str:
    """A value of one line; a line's end at its end is an editor's, and no part of a password."""
    try:
        text = secret[key].decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = "\n"
    if not text.isprintable():
        raise ModuleError(f"cueRef.pullSecretRef: the key {key} of the Secret is not one line of text")
    return text


def _quoted(value: str) -> str:
    """A value as git's configuration has it between quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
