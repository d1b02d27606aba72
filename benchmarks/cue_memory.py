"""Is a helper's memory flat? Renders distinct inputs, by default 100,000, and prints what the helpers hold.

    python -m benchmarks.cue_memory [--renders 100000] [--helpers 2]

Every input has labels that no other has, because CUE keeps each label that it has seen for as long as the process
lives. What bounds it is that a helper is replaced; the same run tells how often that was and what it cost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path

import uvloop

from fleet.cue.contract import InstanceMetadata, RenderInput
from fleet.cue.evaluator import Evaluator, default_size
from fleet.cue.limits import Limits
from fleet.cue.sources import read_folder

WEBSERVICE = Path(__file__).parents[1] / "fleet" / "cue" / "modules" / "webservice"
STEPS = 20


def render_input(number: int) -> RenderInput:
    return RenderInput(
        metadata=InstanceMetadata(name=f"shop-{number}", namespace=f"team-{number % 100}"),
        spec={
            "image": f"registry/shop:{number}",
            "port": 1 + number % 65535,
            "env": {f"KEY_{number}": str(number), f"OTHER_{number}": "x" * (number % 50)},
        },
    )


def resident_mib(pids: tuple[int, ...]) -> float:
    """The largest resident set among the processes."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return max(pages, default=0) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", type=int, default=100_000)
    parser.add_argument("--helpers", type=int, default=default_size())
    arguments = parser.parse_args()
    module = await asyncio.to_thread(read_folder, WEBSERVICE)
    slowest, highest = 0.0, []
    numbers = iter(range(arguments.renders))

    async with Evaluator(size=arguments.helpers, limits=Limits(render_s=30, load_s=30)) as evaluator:

        async def work(until: int) -> None:
            nonlocal slowest
            for number in numbers:
                before = time.perf_counter()
                rendered = await evaluator.render(module, render_input(number))
                slowest = max(slowest, time.perf_counter() - before)
                if len(rendered.nodes) != 2:
                    raise SystemExit(f"unexpected result of render {number}")
                if number >= until:
                    return

        started = time.perf_counter()
        for step in range(1, STEPS + 1):
            until = arguments.renders * step // STEPS - 1
            async with asyncio.TaskGroup() as group:
                for _ in range(2 * arguments.helpers):
                    group.create_task(work(until))
            highest.append(resident_mib(evaluator.pool.pids))
            print(
                f"{until + 1:8} renders   largest helper {highest[-1]:6.1f} MiB   this process"
                f" {resident_mib((os.getpid(),)):6.1f} MiB   helpers started {evaluator.pool.starts:3}",
                flush=True,
            )
        elapsed = time.perf_counter() - started

    first, last = highest[: STEPS // 4], highest[-STEPS // 4 :]
    print(f"{arguments.renders / elapsed:.0f} renders/s, slowest {slowest * 1000:.0f} ms (a replacement included)")
    print(f"largest helper: first quarter {max(first):.1f} MiB, last quarter {max(last):.1f} MiB")


if __name__ == "__main__":
    uvloop.run(main())
