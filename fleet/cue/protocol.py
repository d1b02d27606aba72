"""The messages between this process and a helper: one JSON object a line.

The Go side of the same is ``engine/internal/wire``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from fleet.cue.errors import CueError, EngineCrashed, InputError, LimitExceeded, ModuleError, Problem, RenderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cue.contract import Json, RenderInput
    from fleet.errors import FleetError

T = TypeVar("T")

UNKNOWN_MODULE = "unknown_module"
LIMIT = "limit"

_TERMINAL: Mapping[str, type[CueError]] = {
    "module": ModuleError,
    "input": InputError,
    "render": RenderError,
    LIMIT: LimitExceeded,
}


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One operation that a helper is asked for."""

    id: int = 0
    op: str
    module: str | None = None
    files: dict[str, str] | None = None
    input: msgspec.Raw | None = None
    limit_ms: int = 0
    wall_ms: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an operation gave no result."""

    code: str
    message: str
    problems: tuple[Problem, ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a helper answers; the result is decoded by who knows its type."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None
    memory_bytes: int = 0
    took_us: int = 0


_encoder = msgspec.json.Encoder()
_reply_decoder = msgspec.json.Decoder(Reply)


def encode_request(request: Request) -> bytes:
    """One line of the protocol."""
    return _encoder.encode(request) + b"\n"


def encode_input(render_input: RenderInput) -> msgspec.Raw:
    """``#Render.input`` as JSON, without ``managedFields``: long, and nothing that a module can use."""
    observed = {node: _without_managed_fields(live) for node, live in render_input.observed.items()}
    return msgspec.Raw(_encoder.encode(msgspec.structs.replace(render_input, observed=observed)))


def _without_managed_fields(live: Json) -> Json:
    metadata = live.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return live
    return {**live, "metadata": {name: each for name, each in metadata.items() if name != "managedFields"}}


def decode_reply(line: bytes) -> Reply:
    """Read a line of the protocol. Raises EngineCrashed where it is not one."""
    try:
        return _reply_decoder.decode(line)
    except msgspec.DecodeError as exc:
        raise EngineCrashed(f"the CUE helper answered what is not a reply: {exc}") from exc


def decode_result(reply: Reply, decoder: msgspec.json.Decoder[T]) -> T:
    """The result that ``reply`` carries. Raises what its error stands for."""
    if reply.error is not None:
        raise error_of(reply.error)
    try:
        return decoder.decode(reply.result)
    except msgspec.DecodeError as exc:
        raise EngineCrashed(f"the CUE helper answered with an unexpected result: {exc}") from exc


def error_of(failure: Failure) -> FleetError:
    """The error that a failure stands for: what is not known to be the module's fault may pass."""
    terminal = _TERMINAL.get(failure.code)
    if terminal is None:
        return EngineCrashed(f"the CUE helper failed: {failure.message}")
    return terminal(failure.message, problems=failure.problems)
