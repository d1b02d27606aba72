"""Leaves of the error tree that an API server, or the way to it, can cause."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import aiohttp
import msgspec
from aiohttp.http_exceptions import HttpProcessingError

from fleet.errors import Terminal, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.ids import ClusterName


class Unreachable(Transient):
    """The API server did not answer: refused, reset, timed out, or not to be resolved."""


class Silent(Unreachable):
    """A watch said nothing for longer than its bookmarks are apart."""


class Throttled(Transient):
    """429: the API server asks for patience; ``retry_after`` is its ``Retry-After``."""


class ServerError(Transient):
    """5xx: the API server, or a webhook behind it, failed; or what answered is no API server."""


class Conflict(Transient):
    """409 on an update: somebody else changed the object first. Read it again and decide anew."""


class Expired(Transient):
    """410: the resource version, or the continue token, is too old. List again."""


class Unauthorized(Transient):
    """401: the credential was refused. The session reads it again, so that the next call may succeed."""


class Forbidden(Terminal):
    """403: RBAC, a quota or an admission rule does not allow it, or the namespace is being terminated."""


class NotFound(Terminal):
    """404: there is no such object, or no such resource type."""


class Invalid(Terminal):
    """400, 413 or 422: the API server refuses the object as it is."""


class TooLarge(Invalid):
    """The object is larger than etcd takes: it was not sent, or etcd refused it."""


class AlreadyExists(Terminal):
    """409 on a create: an object of this name exists."""


class ApplyConflict(Terminal):
    """409 on a server-side apply: another field manager owns fields that the manifest sets.

    ``conflicts`` lists ``(manager, field)``. Source: the Status causes of reason ``FieldManagerConflict``.
    """

    def __init__(self, message: str, *, conflicts: tuple[tuple[str, str], ...]) -> None:
        super().__init__(message)
        self.conflicts = conflicts


class ConnectionConfigError(Terminal):
    """The kubeconfig, context, Secret or service account that a cluster names cannot be used."""


class StatusCause(msgspec.Struct, frozen=True, kw_only=True):
    """``details.causes[]`` of a Status."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True):
    """``details`` of a Status."""

    causes: tuple[StatusCause, ...] = ()
    retryAfterSeconds: float | None = None  # noqa: N815 - the API's own spelling


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The ``v1.Status`` that an API server sends in place of an object."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: StatusDetails | None = None


_status = msgspec.json.Decoder(Status)

# Answered with 500, and yet the same every time.
_ETCD_REFUSES = "etcdserver: request is too large"
_NOT_IN_SCHEMA = "failed to create typed patch object"

_BY_CODE: dict[int, type[Transient | Terminal]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    410: Expired,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
}


def parse_status(body: bytes, code: int) -> Status:
    """The Status in ``body``; proxies in between answer with text, which then is the message."""
    try:
        return _status.decode(body)
    except msgspec.DecodeError:
        return Status(code=code, message=body[:500].decode(errors="replace").strip())


def error_of(status: Status, code: int, *, doing: str, retry_after: str | None = None) -> Transient | Terminal:
    """The error that a refused request is; ``doing`` says what was asked, for the message."""
    message = f"{doing}: {_said(status, code)}"
    details = status.details or StatusDetails()
    owned = tuple(
        (_manager(cause.message), cause.field)
        for cause in details.causes
        if cause.reason == "FieldManagerConflict"
    )
    if owned:
        return ApplyConflict(message, conflicts=owned)
    if _ETCD_REFUSES in status.message:
        return TooLarge(f"{message}; split it, or leave data out")
    if _NOT_IN_SCHEMA in status.message:
        return Invalid(message)
    if status.reason == "AlreadyExists":
        return AlreadyExists(message)
    kind = _BY_CODE.get(code, ServerError)
    if issubclass(kind, Transient):
        return kind(message, retry_after=_seconds(retry_after) or details.retryAfterSeconds)
    return kind(message)


def _said(status: Status, code: int) -> str:
    said = status.message or status.reason
    if not said or said.startswith("<"):  # nothing, or the HTML page of a proxy
        return f"HTTP {code}" + (f", {said[:80]}…" if said else "")
    return said


def _manager(message: str) -> str:
    # 'conflict with "kubectl" using apps/v1' (structured-merge-diff's wording)
    return message.split('"')[1] if message.count('"') >= 2 else message  # noqa: PLR2004 - a pair of quotes


def _seconds(retry_after: str | None) -> float | None:
    # Whole seconds. The header may also be an HTTP date, which API servers do not send.
    return float(retry_after) if retry_after and retry_after.isdecimal() else None


@contextlib.contextmanager
def mapped_transport_errors(cluster: ClusterName, doing: str) -> Iterator[None]:
    """Turn what aiohttp raises into `Unreachable`."""
    try:
        yield
    except TimeoutError as exc:
        raise Unreachable(f"cluster {cluster}: {doing}: no answer in time") from exc
    except aiohttp.ClientConnectorCertificateError as exc:
        raise Unreachable(f"cluster {cluster}: {doing}: its certificate is not trusted: {exc}") from exc
    except (aiohttp.ClientError, HttpProcessingError, OSError) as exc:
        raise Unreachable(f"cluster {cluster}: {doing}: {str(exc) or type(exc).__name__}") from exc


@contextlib.contextmanager
def mapped_decode_errors(cluster: ClusterName, doing: str) -> Iterator[None]:
    """Turn an answer that cannot be decoded into `ServerError`: it was cut, or is not an API server's."""
    try:
        yield
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ServerError(f"cluster {cluster}: {doing}: this is no answer of an API server: {exc}") from exc
