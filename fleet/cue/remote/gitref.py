"""Reads the ref of a git source: a URL, and ``?ref=`` for a branch, a tag or a commit."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from fleet.cue.errors import ModuleError

# What `git check-ref-format` allows, without the characters that a shell or git itself would expand.
_REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_+#%=,@/-]|\.(?!\.))*")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:.]+")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PATH = re.compile(r"/[A-Za-z0-9_./~%+@-]+")
_SCP_LIKE = re.compile(r"(?P<user>[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>[^/].*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRef:
    """A repository and a revision of it; an empty revision is the default branch."""

    scheme: str
    user: str
    host: str
    port: int | None
    path: str
    revision: str

    @property
    def url(self) -> str:
        """The repository, as git is told."""
        return f"{self.scheme}://{f'{self.user}@' if self.user else ''}{self.authority}{self.path}"

    @property
    def commit(self) -> str:
        """The commit id, where the revision is one."""
        return self.revision if _COMMIT.fullmatch(self.revision) else ""

    @property
    def looks_abbreviated(self) -> bool:
        """Whether the revision may be meant as the beginning of a commit id."""
        return _SHORT_COMMIT.fullmatch(self.revision) is not None

    @property
    def authority(self) -> str:
        """Host and port, as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


def parse(ref: str) -> GitRef:
    """Read ``cueRef.ref``. Raises ModuleError, which says what to write instead."""
    base, _, query = ref.partition("?")
    if "://" not in base and (scp := _SCP_LIKE.fullmatch(base)):
        base = f"ssh://{scp['user'] or ''}{scp['host']}/{scp['path']}"
    try:
        url = urlsplit(base)
        host, port = url.hostname or "", url.port
    except ValueError:
        _refuse("is no URL")
    _check(url, host)
    return GitRef(
        scheme=url.scheme,
        user=url.username or "",
        host=host,
        port=port,
        path=url.path,
        revision=_revision(query),
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(url: SplitResult, host: str) -> None:
    if url.scheme not in ("https", "ssh", "http"):
        _refuse("has to begin with https:// or ssh://, such as https://github.com/acme/modules.git?ref=v1.2.0")
    if url.scheme == "http" and not is_loopback(host):
        _refuse("plain http is used with loopback addresses only; write https://")
    if url.password is not None or (url.username is not None and url.scheme != "ssh"):
        _refuse("has a user or a password in it; put them into a Secret and name that in cueRef.pullSecretRef")
    if url.fragment:
        _refuse("has a #fragment; write the branch, tag or commit as ?ref=")
    if not _HOST.fullmatch(host) or not _PATH.fullmatch(url.path) or not _USER.fullmatch(url.username or "git"):
        _refuse("is not https://host/path or ssh://user@host/path of plain letters")


def _revision(query: str) -> str:
    if not query:
        return ""
    key, _, value = query.partition("=")
    revision = unquote(value)
    if key != "ref" or not revision:
        _refuse("has to end after its path, or with ?ref= and a branch, a tag or a commit id")
    bad_part = any(
        part.startswith(".") or part.endswith((".", ".lock")) or not part for part in revision.split("/")
    )
    if not _REVISION.fullmatch(revision) or bad_part or "@{" in revision:
        _refuse("has after ?ref= no name that a branch or tag can have, and no commit id")
    return revision


def _refuse(why: str) -> NoReturn:
    # The ref itself is not repeated: where it has a password in it, that is not to come back in a status.
    raise ModuleError(f"cueRef.ref: the URL of the git repository {why}")
