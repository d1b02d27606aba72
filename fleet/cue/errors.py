"""What can go wrong with a module, told so that its author can act on it."""

from __future__ import annotations

import msgspec

from fleet.errors import Terminal, Transient

_SHOWN = 5


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong, and where. ``expected`` and ``found`` are given where CUE tells them apart."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    node: str | None = None
    path: str | None = None
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        parts = []
        if self.file:
            parts.append(f"{self.file}:{self.line}:{self.column}")
        if self.node:
            parts.append(f"node {self.node}")
        if self.path:
            parts.append(self.path)
        return ": ".join([*parts, self.message])


class CueError(Terminal):
    """The same module and the same input will fail again. ``problems`` holds each thing that is wrong."""

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = ()) -> None:
        shown = [str(each) for each in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            shown.append(f"and {len(problems) - _SHOWN} more")
        super().__init__(f"{message}: {'; '.join(shown)}" if shown else message)
        self.problems = problems


class ModuleError(CueError):
    """The module cannot be found, does not compile, or does not keep the module contract."""


class InputError(CueError):
    """The spec of the instance does not satisfy the module's ``#Input``."""


class RenderError(CueError):
    """The module failed on an input that its own schema accepts."""


class LimitExceeded(CueError):  # noqa: N818 - the name says all
    """The module needed more time, memory or depth than an evaluation may take."""


class HelperMissing(Terminal):
    """The helper's binary is not part of this installation."""


class EngineCrashed(Transient):
    """The helper ended while it worked on this request, for a reason that is not known to be the module's."""


class EngineOverloaded(Transient):
    """More evaluations are waiting than the engine will queue."""
