"""Modules that mean harm: each ends in a clear error within its limit, and the engine goes on.

``hostile/`` holds those that a person can read; what is only long is made here.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fleet.cue.contract import InstanceMetadata, RenderInput
from fleet.cue.errors import CueError
from fleet.cue.evaluator import Evaluator
from fleet.cue.limits import Limits
from fleet.cue.module import Module
from fleet.cue.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fleet.cue.contract import Json

CORPUS = {path.name: path.read_text() for path in sorted(Path(__file__).with_name("hostile").glob("*.cue"))}
LIMITS = Limits(load_s=1.5, schema_s=1.5, render_s=1.5, patience=2, memory_mib=256, grace_s=0.5)
RESTART_S = 1.5  # for slow machines

INPUT = "#Input: {size: int}\n"
BASE = """
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input, observed?: [string]: {...}}
}
"""
OUTPUT = "#Render: output: nodes: []\n"

N = 200_000
GENERATED = {
    "deep lists": ("ModuleError", "x: " + "[" * N + "]" * N),
    "deep lists without an end": ("ModuleError", "x: " + "[" * N),
    "deep structs": ("ModuleError", "x: " + "{a: " * N + "1" + "}" * N),
    "deep structs without braces": ("LimitExceeded", "x: " + "a: " * N + "1"),
    "deep parentheses": ("ModuleError", "x: " + "(" * N + "1" + ")" * N),
    "many signs": ("ModuleError", "x: " + "-" * N + "1"),
    "a long sum": ("LimitExceeded", "x: " + "1+" * N + "1"),
    "a long disjunction": ("LimitExceeded", "x: " + "|".join(map(str, range(N)))),
    "a long conjunction": ("LimitExceeded", "x: " + "&".join(["int"] * N)),
    "a long selector": ("LimitExceeded", "a: _\nx: a" + ".b" * N),
    "a long chain of lets": (
        "LimitExceeded",
        "".join(f"let l{n} = l{n + 1}\n" for n in range(5000)) + "let l5000 = 1\nx: l0",
    ),
    "a long chain of references": (
        "LimitExceeded",
        "".join(f"l{n}: l{n + 1}\n" for n in range(20_000)) + "l20000: 1",
    ),
    "a long chain of embeddings": (
        "LimitExceeded",
        "".join(f"#L{n}: {{#L{n + 1}, f{n}: 1}}\n" for n in range(2000)) + "#L2000: {}\nx: #L0",
    ),
    "many fields": ("LimitExceeded", "".join(f"f{n}: {n}\n" for n in range(N))),
    "a large file": ("ModuleError", "// " + "x" * (9 << 20)),
    "a zero byte": ("ModuleError", 'x: "\0"'),
}


@pytest.fixture
def no_quarantine() -> Quarantine:
    return Quarantine(strikes=10_000)


@pytest.fixture
async def evaluator(no_quarantine: Quarantine) -> AsyncIterator[Evaluator]:
    async with Evaluator(size=1, limits=LIMITS, quarantine=no_quarantine) as running:
        yield running


@pytest.mark.parametrize("name", CORPUS)
async def test_the_corpus(evaluator: Evaluator, name: str) -> None:
    text = CORPUS[name]
    base = ["package hostile", "" if "#Input:" in text else INPUT, BASE]
    ends = re.search(r"^// Ends in (.*)\.$", text, re.MULTILINE)
    assert ends is not None, "the second line says how it ends"

    await _ends_well(evaluator, Module.of({name: text, "base.cue": "\n".join(base)}), ends[1])


@pytest.mark.parametrize("name", GENERATED)
async def test_what_is_only_long(evaluator: Evaluator, name: str) -> None:
    ends, text = GENERATED[name]
    base = f"package hostile\n{INPUT}{BASE}{OUTPUT}"

    await _ends_well(evaluator, Module.of({"long.cue": f"package hostile\n{text}\n", "base.cue": base}), ends)


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("many unknown fields", {f"f{n}": n for n in range(N)}),
        ("a long unknown value", {"f": "x" * 10_000_000}),
        ("a number of a hundred thousand digits", {"size": 10**4000}),
    ],
)
async def test_a_hostile_spec(evaluator: Evaluator, name: str, spec: Json) -> None:
    base = Module.of({"base.cue": INPUT + BASE + OUTPUT})

    error = await _error_of(evaluator, base, {"size": 1, **spec})

    assert name == "a number of a hundred thousand digits" or error is not None
    _is_readable(error)


async def _ends_well(evaluator: Evaluator, module: Module, ends: str) -> None:
    started = time.monotonic()

    error = await _error_of(evaluator, module, {"size": 1})

    assert time.monotonic() - started < 2 * (LIMITS.render_s * LIMITS.patience + LIMITS.grace_s) + RESTART_S
    assert (type(error).__name__ if error else "nothing") in ends.split(" or "), error
    _is_readable(error)
    good = Module.of({"base.cue": INPUT + BASE + OUTPUT})
    assert await _error_of(evaluator, good, {"size": 1}) is None


async def _error_of(evaluator: Evaluator, module: Module, spec: Json) -> CueError | None:
    """All that a Transform and an instance of it would do."""
    try:
        await evaluator.inspect(module)
        await evaluator.schema(module)
        await evaluator.render(module, RenderInput(metadata=InstanceMetadata(name="a", namespace="b"), spec=spec))
    except CueError as error:
        return error
    return None


def _is_readable(error: CueError | None) -> None:
    """No Go stack, no endless list, no megabyte of a value."""
    text = "\n".join([str(error), *map(str, error.problems if error else ())])
    assert "goroutine" not in text
    assert ".go:" not in text
    assert len(str(error)) < 4000
    assert error is None or len(error.problems) <= 21
