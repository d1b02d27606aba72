"""The evaluator with the real helper."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from fleet.cue import sources
from fleet.cue.contract import ClusterFacts, InstanceMetadata, RenderInput
from fleet.cue.errors import (
    EngineCrashed,
    EngineOverloaded,
    InputError,
    LimitExceeded,
    ModuleError,
    RenderError,
)
from fleet.cue.evaluator import Evaluator
from fleet.cue.limits import Limits
from fleet.cue.module import Module
from fleet.cue.quarantine import Quarantine
from fleet.ids import ClusterName, NodeId
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from fleet.cue.contract import Json

# Goes through size × size pairs and finds nothing.
ENDLESS = """
import "list"
#Input: {size: int}
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	let numbers = list.Range(0, input.spec.size, 1)
	output: nodes: [for a in numbers for b in numbers if a + b < 0 {id: "x"}]
}
"""
FOREVER = 20_000  # 400 million pairs
VAST = 10_000_000  # a list of this length is some gigabytes


def small(name: str = "small") -> Module:
    return Module.of(
        {
            f"{name}.cue": """
            #Input: {size: int}
            #Render: {
                input: {
                    metadata: {name: string, namespace: string, labels: {...}}
                    spec: #Input
                    cluster?: {name: string, labels: [string]: string}
                    observed?: [string]: {...}
                }
                output: nodes: [{
                    id: "map"
                    object: {apiVersion: "v1", kind: "ConfigMap", metadata: name: input.metadata.name, data: {
                        size: "\\(input.spec.size)"
                        if input.cluster != _|_ {on: input.cluster.labels.region}
                    }}
                }]
            }
        """
        }
    )


def with_size(size: object, *, cluster: ClusterFacts | None = None) -> RenderInput:
    return RenderInput(metadata=InstanceMetadata(name="a", namespace="b"), spec={"size": size}, cluster=cluster)


@pytest.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    async with Evaluator(size=2, limits=Limits(render_s=1.0, memory_mib=200, grace_s=0.5)) as running:
        yield running


async def test_where_the_schema_is_wider_is_told_as_a_place_in_the_instance(evaluator: Evaluator) -> None:
    module = Module.of(
        {
            "m.cue": """
            import "net"
            #Input: address?: net.IPv4
            #Render: {input: {metadata: name: string, spec: #Input}, output: nodes: []}
            """
        }
    )

    schema = await evaluator.schema(module)

    assert [each.path for each in schema.issues] == ["spec.address"]


async def test_the_embedded_webservice_is_inspected_and_rendered(evaluator: Evaluator) -> None:
    module = await sources.embedded(_Embedded())

    meta = await evaluator.inspect(module)
    schema = await evaluator.schema(module)
    spec = {"image": "nginx:1.27", "port": 80, "env": {"A": "b"}}
    rendered = await evaluator.render(
        module, RenderInput(metadata=InstanceMetadata(name="shop", namespace="prod"), spec=spec)
    )

    assert meta.kind == "WebService"
    assert schema.schema["required"] == ["image", "port"]
    assert schema.schema["properties"]["image"]["description"].startswith("Container image")
    assert schema.issues == ()
    assert [node["id"] for node in rendered.nodes] == ["deployment", "service"]
    assert rendered.nodes[1]["dependsOn"] == ["deployment"]
    container = rendered.nodes[0]["object"]["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert rendered.nodes[0]["object"]["spec"]["replicas"] == 1
    assert rendered.waiting == ()


async def test_a_lookup_that_nothing_observed_can_help_is_an_error_with_its_place(evaluator: Evaluator) -> None:
    module = Module.of(
        {
            "m.cue": """
_resources: {small: cpu: "100m", large: cpu: "1"}
#Input: size: string
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input, observed?: [string]: {...}}
	output: nodes: [
		{id: "db", object: {apiVersion: "v1", kind: "Service", metadata: name: "db"}},
		{id: "app", object: {apiVersion: "v1", kind: "ConfigMap", metadata: name: "app", data: {
			cpu:  _resources[input.spec.size].cpu
			host: input.observed.db.spec.clusterIP
		}}},
	]
}
"""
        }
    )

    waiting = await evaluator.render(module, with_size("large"))
    with pytest.raises(RenderError) as caught:
        await evaluator.render(module, with_size("huge"))

    assert [(each.node, each.paths) for each in waiting.waiting] == [("app", ("observed.db.spec.clusterIP",))]
    (problem,) = caught.value.problems
    assert str(problem) == ("m.cue:9:21: node app: output.nodes[1].object.data.cpu: undefined field: huge")


async def test_status_follows_what_has_been_observed(evaluator: Evaluator) -> None:
    module = await sources.embedded(_Embedded())
    spec = {"image": "nginx:1.27", "port": 80}
    observed: dict[NodeId, Json] = {
        NodeId("deployment"): {"status": {"availableReplicas": 1}},
        NodeId("service"): {"spec": {"clusterIP": "10.0.0.1"}},
    }
    shop = InstanceMetadata(name="shop", namespace="prod")

    before = await evaluator.render(module, RenderInput(metadata=shop, spec=spec))
    after = await evaluator.render(module, RenderInput(metadata=shop, spec=spec, observed=observed))

    assert before.status == {}
    assert after.status == {"availableReplicas": 1, "address": "http://shop.prod.svc:80"}
    assert before.nodes == after.nodes


async def test_a_module_sees_the_cluster(evaluator: Evaluator) -> None:
    cluster = ClusterFacts(name=ClusterName("spoke-1"), labels={"region": "eu"})

    rendered = await evaluator.render(small(), with_size(3, cluster=cluster))

    assert rendered.nodes[0]["object"]["data"] == {"size": "3", "on": "eu"}


async def test_errors_carry_the_place_and_what_was_expected(evaluator: Evaluator) -> None:
    with pytest.raises(InputError) as raised:
        await evaluator.render(small(), with_size("large"))

    (problem,) = raised.value.problems
    assert (problem.file, problem.line, problem.path) == ("small.cue", 2, "spec.size")
    assert (problem.expected, problem.found) == ("int", '"large"')


async def test_a_module_without_its_definitions_is_told_all_that_is_missing(evaluator: Evaluator) -> None:
    with pytest.raises(ModuleError) as raised:
        await evaluator.inspect(Module.of({"m.cue": "package m"}))

    assert [problem.path for problem in raised.value.problems] == ["#Input", "#Render"]


async def test_a_deadline_ends_the_render_and_names_the_limit(evaluator: Evaluator) -> None:
    started = time.monotonic()

    with pytest.raises(LimitExceeded, match=r"render (took longer than its limit of 1s|did not end within 3s)"):
        await evaluator.render(Module.of({"m.cue": ENDLESS}), with_size(FOREVER))

    assert time.monotonic() - started < 5


async def test_a_memory_limit_ends_the_render_and_names_the_limit() -> None:
    async with Evaluator(size=1, limits=Limits(render_s=30, memory_mib=200)) as evaluator:
        with pytest.raises(LimitExceeded, match="render needed more memory than its limit of 200 MiB"):
            await evaluator.render(Module.of({"m.cue": ENDLESS}), with_size(VAST))


async def test_other_renders_are_unharmed_meanwhile(evaluator: Evaluator) -> None:
    endless = Module.of({"m.cue": ENDLESS})

    async def bad() -> None:
        with pytest.raises(LimitExceeded):
            await evaluator.render(endless, with_size(FOREVER))

    async with asyncio.TaskGroup() as group:
        group.create_task(bad())
        good = [group.create_task(evaluator.render(small(), with_size(n))) for n in range(200)]

    assert [task.result().nodes[0]["object"]["data"]["size"] for task in good] == [str(n) for n in range(200)]


async def test_a_helper_killed_between_requests_is_replaced(evaluator: Evaluator) -> None:
    await evaluator.render(small(), with_size(1))
    for pid in evaluator.pool.pids:
        os.kill(pid, signal.SIGKILL)

    results = await asyncio.gather(*(evaluator.render(small(), with_size(n)) for n in range(20)))

    assert len(results) == 20
    assert evaluator.pool.starts == 4


async def test_kills_from_outside_are_not_held_against_a_module() -> None:
    async with Evaluator(size=1, quarantine=Quarantine(strikes=2)) as evaluator:
        for n in range(5):
            assert (await evaluator.render(small(), with_size(n))).nodes
            os.kill(evaluator.pool.pids[0], signal.SIGKILL)

        assert (await evaluator.render(small(), with_size(1))).nodes


async def test_a_kill_costs_little_time() -> None:
    async with Evaluator(size=1) as evaluator:
        await evaluator.render(small(), with_size(1))
        os.kill(evaluator.pool.pids[0], signal.SIGKILL)
        started = time.monotonic()

        await evaluator.render(small(), with_size(1))

        assert time.monotonic() - started < 1.0  # about 15 ms where nothing else runs


async def test_a_helper_killed_in_the_middle_of_a_render_costs_a_second_try() -> None:
    async with Evaluator(size=1, limits=Limits(render_s=30)) as evaluator:
        started = evaluator.pool.starts
        (pid,) = evaluator.pool.pids
        render = asyncio.create_task(evaluator.render(Module.of({"m.cue": ENDLESS}), with_size(FOREVER)))
        await until_async(_busy(pid))
        os.kill(pid, signal.SIGKILL)
        await until_async(_restarted(evaluator, started + 1))
        await until_async(_busy(evaluator_pid(evaluator)))
        os.kill(evaluator_pid(evaluator), signal.SIGKILL)

        with pytest.raises(EngineCrashed, match="ended during render with status -9"):
            await render

        assert (await evaluator.render(small(), with_size(1))).nodes


async def test_a_module_that_keeps_ending_helpers_is_quarantined_and_others_are_not() -> None:
    limits = Limits(render_s=0.1)
    async with Evaluator(size=1, limits=limits, quarantine=Quarantine(strikes=2)) as evaluator:
        endless = Module.of({"m.cue": ENDLESS})
        for _ in range(2):
            with pytest.raises(LimitExceeded, match=r"took longer|did not end"):
                await evaluator.render(endless, with_size(FOREVER))
        started = evaluator.pool.starts

        with pytest.raises(LimitExceeded, match=f"module {endless.digest} ended 2 evaluations"):
            await evaluator.render(endless, with_size(FOREVER))

        assert evaluator.pool.starts == started
        assert (await evaluator.render(small(), with_size(1))).nodes


async def test_a_cancelled_render_leaves_the_pool_whole() -> None:
    async with Evaluator(size=1, limits=Limits(render_s=30)) as evaluator:
        (pid,) = evaluator.pool.pids
        render = asyncio.create_task(evaluator.render(Module.of({"m.cue": ENDLESS}), with_size(FOREVER)))
        await until_async(_busy(pid))

        render.cancel()
        with pytest.raises(asyncio.CancelledError):
            await render

        assert (await evaluator.render(small(), with_size(7))).nodes[0]["object"]["data"]["size"] == "7"


async def test_helpers_are_replaced_before_they_grow_old() -> None:
    async with Evaluator(size=1, limits=Limits(recycle_requests=50)) as evaluator:
        for n in range(200):
            assert (await evaluator.render(small(), with_size(n))).nodes

        assert evaluator.pool.starts == 5


async def test_helpers_are_replaced_before_they_grow_large() -> None:
    async with Evaluator(size=1, limits=Limits(recycle_mib=1)) as evaluator:
        for n in range(5):
            assert (await evaluator.render(small(), with_size(n))).nodes

        assert evaluator.pool.starts == 5


async def test_more_than_it_will_queue_is_refused_and_may_be_tried_again() -> None:
    async with Evaluator(size=1, limits=Limits(waiting=3, waiting_s=30)) as evaluator:
        results = await asyncio.gather(
            *(evaluator.render(small(), with_size(n)) for n in range(10)), return_exceptions=True
        )

    refused = [each for each in results if isinstance(each, EngineOverloaded)]
    assert len(refused) == 6
    assert refused[0].retry_after is not None


async def test_least_recently_used_modules_are_loaded_again() -> None:
    async with Evaluator(size=1, limits=Limits(modules=2)) as evaluator:
        modules = [small(f"m{n}") for n in range(4)]
        for _ in range(2):
            for module in modules:
                assert (await evaluator.render(module, with_size(1))).nodes

        assert evaluator.pool.starts == 1


async def test_nothing_is_left_behind() -> None:
    async with Evaluator(size=2) as evaluator:
        pids = evaluator.pool.pids
        await evaluator.render(small(), with_size(1))

    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_closing_ends_what_is_being_evaluated_and_starts_nothing_again() -> None:
    async with Evaluator(size=1, limits=Limits(render_s=30)) as evaluator:
        (pid,) = evaluator.pool.pids
        endless = Module.of({"m.cue": ENDLESS})
        renders = [asyncio.create_task(evaluator.render(endless, with_size(FOREVER))) for _ in range(3)]
        await until_async(_busy(pid))

    results = await asyncio.gather(*renders, return_exceptions=True)
    assert [type(each) for each in results] == [EngineCrashed] * 3
    assert evaluator.pool.starts == 1
    assert evaluator.pool.pids == ()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_helper_that_does_not_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineCrashed, match="does not start"):
        async with Evaluator(size=1, binary=tmp_path / "nothing"):
            pass


async def test_a_render_that_is_never_concrete_is_an_error_and_not_a_wait(evaluator: Evaluator) -> None:
    module = Module.of(
        {"m.cue": small().files["small.cue"].replace('size: "\\(input.spec.size)"', "size: string")}
    )

    with pytest.raises(RenderError, match=r"m\.cue:\d+:\d+: node map: output\.nodes\[0\]\.object\.data\.size"):
        await evaluator.render(module, with_size(1))


class _Embedded:
    type = "embedded"
    ref = "webservice"
    path = ""


def evaluator_pid(evaluator: Evaluator) -> int:
    process = evaluator.pool._all[0].process
    assert process is not None
    return process.pid


def _restarted(evaluator: Evaluator, starts: int) -> Callable[[], Awaitable[bool]]:
    async def observe() -> bool:
        return evaluator.pool.starts == starts

    return observe


def _busy(pid: int) -> Callable[[], Awaitable[bool]]:
    """Whether the process has used some processor time by now, which an idle helper has not."""

    async def observe() -> bool:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: ASYNC230, PTH123 - not a file on a disk
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12]) > 10

    return observe
