"""OCI registries as a module's author uses them: to publish, and for what a module depends on.

The helper does it with CUE's own Go packages, in a process that has the author's environment: CUE_REGISTRY,
``cue login`` and the credentials of Docker's clients mean what they mean to the cue command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from fleet.cue.binary import helper_path
from fleet.cue.errors import ModuleError
from fleet.cue.remote import oneshot
from fleet.cue.remote.origin import SourceUnavailable
from fleet.errors import Terminal

if TYPE_CHECKING:
    from fleet.cue.remote.ociref import OciRef

_TIMEOUT_S = 120.0


class RegistryRefused(Terminal):
    """A registry does not let the author do this, or not with this content."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry has now."""

    module: str
    """The path of the module, with its major version."""

    digest: str
    """Of the manifest."""

    already: bool
    """Whether the registry had it before, so that nothing was pushed."""


class _Publish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    op: str = "publish"
    host: str
    repository: str
    tag: str
    plain_http: bool
    files: Mapping[str, bytes]


class _Dependencies(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    op: str = "dependencies"
    module_file: bytes
    max_bytes: int = oneshot.MOST_FILE_BYTES


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    module: str = ""
    digest: str = ""
    already: bool = False
    files: dict[str, bytes] = {}
    error: oneshot.Failure | None = None


_answer = msgspec.json.Decoder(_Answer)


async def publish(files: Mapping[str, bytes], to: OciRef) -> Published:
    """Push the module that ``files`` are, as ``cue mod publish`` does. A version that is there never changes.

    Raises ModuleError, RegistryRefused or SourceUnavailable.
    """
    request = _Publish(host=to.host, repository=to.repository, tag=to.tag, plain_http=to.plain_http, files=files)
    answer = await _ask(request, of=f"{to.host}: ")
    return Published(module=answer.module, digest=answer.digest, already=answer.already)


async def dependencies(module_file: bytes) -> Mapping[str, bytes]:
    """The files of what a module needs, and of what that needs in turn, where the loader looks for them.

    Raises ModuleError, RegistryRefused or SourceUnavailable.
    """
    return (await _ask(_Dependencies(module_file=module_file), of="")).files


async def _ask(request: msgspec.Struct, *, of: str) -> _Answer:
    try:
        answer = await oneshot.ask(
            [helper_path(), "author"], request, _answer, environment=os.environ, timeout_s=_TIMEOUT_S
        )
    except TimeoutError:
        raise SourceUnavailable(f"{of}the registry did not answer within {_TIMEOUT_S:g} s") from None
    if answer.error is not None:
        raise _error(of, answer.error)
    return answer


def _error(of: str, failure: oneshot.Failure) -> Exception:
    match failure.code:
        case "denied":
            return RegistryRefused(
                f"{of}access is refused ({failure.message}); log in with `docker login` or `cue login`, "
                "as a user who may do this"
            )
        case "conflict":
            return RegistryRefused(failure.message)
        case "module" | "missing" | "request":
            return ModuleError(failure.message, problems=failure.problems)
        case _:
            return SourceUnavailable(f"{of}{failure.message}")
