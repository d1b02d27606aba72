"""After users, hands that meddle and bad weather, all is as it was asked for last, and there is nothing else.

``CHAOS_SEED`` and ``CHAOS_N`` (`make chaos`) choose other programs, and more of them.
"""

from __future__ import annotations

import os
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.chaos import GRAPH, INSTANCES, KINDS, LABELS, Name, Program, name_of
from tests.harness.graphs import PLATFORM, config_map, node
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.acceptance.conftest import Guarded
    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench

FIRST_SEED = int(os.environ.get("CHAOS_SEED", "1"))
PROGRAMS = int(os.environ.get("CHAOS_N", "4"))
STEPS = 40
SETTLED_S = 90
QUIET_S = 3

CONFIRM = "platform.pequod.io/confirm-prune"

State = dict[Name, tuple[str, str, Any]]
"""Objects: whose they are, as which node, and what they say."""


def content(live: Manifest) -> object:
    """What an object says that its node sets."""
    if live["kind"] == "ConfigMap":
        return live.get("data")
    if live["kind"] == "Service":
        return [each["port"] for each in live["spec"]["ports"]]
    return live["spec"]["selector"]["matchLabels"]


def expected(program: Program) -> State:
    """What the instances ask for."""
    return {
        name_of(each): (instance, each["id"], content(each["object"]))
        for instance, nodes in program.wanted.items()
        for each in nodes
    }


def found(bench: Bench) -> State:
    """What graphs have, by the labels of the objects."""
    view, namespace = bench.view, bench.namespace
    graphs = view.list(PLATFORM, "ResourceGraph", namespace=namespace)
    instances = {each["metadata"]["uid"]: each["spec"]["sourceRef"]["name"] for each in graphs}
    state = {}
    for kind, api_version in KINDS.items():
        for live in view.list(api_version, kind, namespace=namespace, label_selector=GRAPH):
            graph, id_ = (live["metadata"]["labels"].get(label) for label in LABELS)
            whose = instances.get(graph, "a graph that is gone")
            state[kind, live["metadata"]["name"]] = (whose, id_, content({**live, "kind": kind}))
    return state


def recorded(bench: Bench) -> list[tuple[str, ...]]:
    """What SQL says that graphs have."""
    query = "SELECT kind, name, node_id FROM inventory WHERE namespace = ? ORDER BY kind, name, node_id"
    return bench.sql(query, bench.namespace)


def is_as_wanted(program: Program) -> bool:
    confirm_pruning(program.bench)
    wanted, there = expected(program), found(program.bench)
    different = [name for name in {*wanted, *there} if wanted.get(name) != there.get(name)]
    assert not different, {name: (wanted.get(name), there.get(name)) for name in different}
    for name in program.wanted:
        live = program.bench.instance(name)
        status = live.get("status", {})
        assert status.get("observedGeneration") == live["metadata"]["generation"], (name, status)
        assert status.get("phase") == "Ready", (name, status)
    assert recorded(program.bench) == sorted((*name, id_) for name, (_, id_, _) in wanted.items())
    return True


def confirm_pruning(bench: Bench) -> None:
    for graph in bench.view.list(PLATFORM, "ResourceGraph", namespace=bench.namespace):
        if "pruning is held" in graph.get("status", {}).get("blockedBy", ""):
            metadata = {"name": graph["metadata"]["name"], "namespace": bench.namespace}
            metadata["annotations"] = {CONFIRM: str(graph["metadata"]["generation"])}
            bench.view.merge({"apiVersion": PLATFORM, "kind": "ResourceGraph", "metadata": metadata})


def is_quiet(bench: Bench) -> bool:
    """Nothing was written for some seconds."""
    query = "SELECT max(at) > ? FROM audit_log WHERE instance LIKE ?"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - QUIET_S))
    return bench.sql(query, since, f"{bench.namespace}/%") != [(1,)]


def in_doubt(bench: Bench) -> list[tuple[str, ...]]:
    """The intents without an outcome of the hub that runs now; those that were killed may have left some."""
    (hub,) = bench.sql("SELECT operation FROM audit_log ORDER BY id DESC LIMIT 1")[0]
    return bench.sql(
        "SELECT operation FROM audit_log WHERE operation LIKE ? GROUP BY operation "
        "HAVING sum(tag LIKE '%:intent') > sum(tag LIKE '%:outcome')",
        f"{hub.partition('-')[0]}-%",
    )


def outlive(program: Program) -> None:
    """Wait until what the program asked for last is so, take all of it away, and wait until nothing is left."""
    bench = program.bench
    until(lambda: is_as_wanted(program), deadline_s=SETTLED_S)
    until(lambda: is_quiet(bench) and not in_doubt(bench))
    assert is_as_wanted(program)
    for name in list(program.wanted):
        del program.wanted[name]
        bench.delete(name)
    until(lambda: is_as_wanted(program))
    for name in INSTANCES:
        bench.until_gone(name)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + PROGRAMS))
def test_after_the_storm_everything_is_as_it_was_asked_for(guarded: Guarded, seed: int) -> None:
    bench = guarded.sick
    random = Random(seed)  # noqa: S311 - it is to give the same again
    program = Program(bench=bench, proxy=guarded.proxy, random=random)
    theirs = bench.view.apply(config_map("theirs", namespace=bench.namespace, text="theirs"))
    bench.bundle("thief", node("theirs", config_map("theirs", text="ours")))
    logged = bench.hub.log.stat().st_size
    try:
        try:
            for _ in range(STEPS):
                program.step()
        finally:
            program.calm_down()
        bench.until_blocked("thief", "exists already")
        bench.delete("thief")
        bench.until_gone("thief")
        outlive(program)
    except AssertionError as exc:
        raise AssertionError(f"seed {seed}: {exc}\n" + "\n".join(program.done)) from exc
    assert bench.find("ConfigMap", "theirs") == theirs
    said = bench.hub.log.read_bytes()[logged:].decode(errors="replace")
    assert "unexpected error" not in said
    assert "cannot handle a change" not in said
