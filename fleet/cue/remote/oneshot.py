"""One request to the CUE helper, in a process that lives for it, so that evaluators need no network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from fleet.cue.errors import EngineCrashed, Problem
from fleet.cue.remote import subprocesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

MOST_FILE_BYTES = 32 * 1024 * 1024
"""Of all the files in one answer together; most of them may turn out to be no part of the module."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why the helper has no answer; ``code`` says what kind of reason it is."""

    code: str
    message: str
    problems: tuple[Problem, ...] = ()


async def ask(
    command: Sequence[str | Path],
    request: msgspec.Struct,
    decoder: msgspec.json.Decoder[T],
    *,
    environment: Mapping[str, str],
    timeout_s: float,
) -> T:
    """Run the helper with one request. Raises TimeoutError, and EngineCrashed where it gives no answer."""
    try:
        finished = await subprocesses.run(
            command,
            environment=environment,
            folder=Path(tempfile.gettempdir()),
            said=msgspec.json.encode(request),
            timeout_s=timeout_s,
            most_output=2 * MOST_FILE_BYTES,  # base64, and what is around it
        )
    except TimeoutError:
        raise
    except OSError as exc:
        raise EngineCrashed(f"the CUE helper {command[0]} does not start: {exc}") from exc
    try:
        return decoder.decode(finished.stdout or b"")
    except msgspec.DecodeError as exc:
        raise EngineCrashed(f"the CUE helper ended without an answer, with status {finished.status}") from exc
