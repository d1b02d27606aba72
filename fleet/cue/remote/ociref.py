"""Reads the ref of an OCI source: ``host/repository:tag``, or ``host/repository@sha256:…``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from fleet.cue.errors import ModuleError
from fleet.cue.remote.gitref import is_loopback

# The grammar of the distribution specification, and CUE's own suffix for a registry without TLS.
_REF = re.compile(
    r"(?:oci://)?"
    r"(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)(?P<insecure>\+insecure)?"
    r"/(?P<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OciRef:
    """A repository of a registry, with a tag, a digest or both; the digest then says which one."""

    host: str
    repository: str
    tag: str
    digest: str
    insecure: bool

    @property
    def plain_http(self) -> bool:
        """Whether the registry is asked without TLS: it is this machine, or the ref says so."""
        return self.insecure or self.on_loopback

    @property
    def on_loopback(self) -> bool:
        """Whether the registry is this machine."""
        return is_loopback(re.sub(r":[0-9]+$", "", self.host).strip("[]"))

    @property
    def address(self) -> str:
        """The repository as a ref names it, which may say that there is no TLS."""
        return f"{self.host}{'+insecure' if self.insecure else ''}/{self.repository}"

    @property
    def name(self) -> str:
        """The repository with its registry."""
        return f"{self.host}/{self.repository}"


def parse(ref: str, *, field: str = "cueRef.ref") -> OciRef:
    """Read the ref that is given as ``field``. Raises ModuleError, which says what to write instead."""
    found = _REF.fullmatch(ref)
    if found is None:
        _refuse(
            field,
            "is not host/repository:tag or host/repository@sha256:…, such as ghcr.io/acme/acme.dev/web:v1.2.0",
        )
    if not found["tag"] and not found["digest"]:
        _refuse(field, "names no version; write a tag (:v1.2.0) or a digest (@sha256:…) after the repository")
    return OciRef(
        host=found["host"],
        repository=found["repository"],
        tag=found["tag"] or "",
        digest=found["digest"] or "",
        insecure=found["insecure"] is not None,
    )


def _refuse(field: str, why: str) -> NoReturn:
    # As with git, what is written there is not repeated: it may hold a password that does not belong there.
    raise ModuleError(f"{field}: the reference of the OCI module {why}")
