"""Runs cases: each is rendered, and what comes out is held against what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fleet.cue.authoring import golden
from fleet.cue.errors import ModuleError
from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.cue.authoring.cases import Case
    from fleet.cue.contract import Json, Rendered
    from fleet.cue.evaluator import Evaluator
    from fleet.cue.module import Module

    Check = Callable[[Rendered], None]


class Verdict(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    DIFFERS = "differs"
    TURNED = "turned"
    """A graph came where an error was expected, or an error where a graph was."""

    NEW = "new"
    """Nothing was expected yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A case, and what came of it."""

    case: Case
    verdict: Verdict
    found: Json

    def diff(self) -> list[str]:
        """What differs, in lines for people."""
        return golden.diff(self.case.expected or {}, self.found)


async def run(evaluator: Evaluator, module: Module, case: Case, *, check: Check) -> Ran:
    """Run one case. ``check`` raises what else is wrong with a graph; an error of the module itself is raised."""
    try:
        rendered = await evaluator.render(module, case.input)
        check(rendered)
        found = golden.of_graph(rendered)
    except ModuleError:
        raise
    except Terminal as exc:
        found = golden.of_error(exc)
    return Ran(case=case, verdict=_verdict(case.expected, found), found=found)


def _verdict(expected: Json | None, found: Json) -> Verdict:
    if expected is None:
        return Verdict.NEW
    if golden.same(expected, found):
        return Verdict.PASSED
    if (golden.ERROR in expected) != (golden.ERROR in found):
        return Verdict.TURNED
    return Verdict.DIFFERS
