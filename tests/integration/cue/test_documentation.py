"""The examples of the documentation are modules that load and render."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fleet.cue.contract import InstanceMetadata, RenderInput
from fleet.cue.evaluator import Evaluator
from fleet.cue.limits import Limits
from fleet.cue.module import Module
from fleet.ids import NodeId

PAGE = (Path(__file__).parents[3] / "docs" / "module-contract.md").read_text()
GREETING, LATER = re.findall(r"^```cue\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

SHOP = InstanceMetadata(name="shop", namespace="prod")


async def test_the_first_example_greets() -> None:
    async with Evaluator(size=1) as evaluator:
        module = Module.of({"m.cue": GREETING})

        rendered = await evaluator.render(module, RenderInput(metadata=SHOP, spec={"name": "Queequeg"}))

        assert (await evaluator.inspect(module)).kind == "Greeting"
        assert rendered.nodes[0]["object"]["data"] == {"greeting": "Hello, Queequeg!"}


async def test_the_example_of_later_values_waits_and_goes_on() -> None:
    async with Evaluator(size=1) as evaluator:
        module = Module.of({"m.cue": LATER})
        seen = {NodeId("front"): {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}}

        before = await evaluator.render(module, RenderInput(metadata=SHOP, spec={"size": 1}))
        after = await evaluator.render(module, RenderInput(metadata=SHOP, spec={"size": 1}, observed=seen))

        assert [node["id"] for node in before.nodes] == ["front"]
        (waiting,) = before.waiting
        assert waiting.node == "address"
        assert waiting.paths == ("observed.front.status.loadBalancer.ingress[0].ip",)
        assert waiting.paths[0] in PAGE
        assert after.nodes[1]["object"]["data"] == {"ip": "192.0.2.1"}
        assert after.waiting == ()
        assert after.status == {"ip": "192.0.2.1"}


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("one render", f"{Limits().render_s:g} s, of processor time"),
        ("to load it, and to make its schema", f"{Limits().load_s:g} s each, of processor time"),
        ("memory", f"{Limits().memory_mib} MiB"),
    ],
)
def test_the_limits_are_those_of_the_code(row: str, limit: str) -> None:
    assert f"| {row} | {limit} |" in PAGE
