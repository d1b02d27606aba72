"""``fleet why``: what an instance waits for, read from it and from its graph on the cluster."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fleet.apply.run import READY_PHASES
from fleet.cli import kinds, leftalone, options, printing, registered, times
from fleet.cli.onecluster import Kind
from fleet.errors import Terminal
from fleet.graph import blockers, order
from fleet.graph.model import GraphError, GraphSpec, Severity, parse_spec
from fleet.ids import ClusterName, NodeId
from fleet.kube.conditions import parse_rfc3339
from fleet.kube.labels import GROUP, SUSPEND, TRANSFORM
from fleet.kube.wellknown import CRDS, GRAPHS
from fleet.render.manifest import graph_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from fleet.cli.onecluster import Manifest, OneCluster

_GRAPH = Kind(api_version=GRAPHS.api_version, plural=GRAPHS.plural)
_CRD = Kind(api_version=CRDS.api_version, plural=CRDS.plural, namespaced=False)


class Form(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


class NotAnInstance(Terminal):
    """The object is of a kind that is none of the fleet's."""


class NodeBlocker(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The first node that is not ready although what it depends on is. Times are RFC 3339, as in the status."""

    node: NodeId
    object: str = ""
    phase: str = "Pending"
    message: str = ""
    since: str | None = None
    last_error: str = ""
    attempts: int = 0
    next_retry_at: str | None = None
    behind: tuple[NodeId, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why an instance is not ready; ``reason`` in a sentence, ``blocker`` where that is a node of the graph."""

    ready: bool
    phase: str
    since: str | None = None
    reason: str = ""
    left_alone: str = ""
    """Why no hub looks after the instance at present, whatever its status says."""

    blocker: NodeBlocker | None = None


@click.command(short_help="Say why an instance is not ready.")
@click.argument("kind")
@click.argument("name")
@options.cluster
@options.namespace
@options.database
@options.output(Form)
def why(
    *, kind: str, name: str, cluster: str, namespace: str | None, database_url: str | None, output: str
) -> None:
    """Say why the instance NAME of a KIND is not ready.

    Shows the first thing that keeps it: which node of its graph, what is waited for and what was seen, since when,
    the last error, when the next try is due, and which nodes wait behind it.
    """
    with registered.connect(cluster, database_url) as there:
        wanted = kinds.find(there, kind)
        graph = there.find(_GRAPH, graph_name(wanted.name, name), namespace=namespace)
        if graph is None and not _is_of_fleet(wanted, there):
            raise NotAnInstance(f"no Transform made the kind {wanted.name}, so why is not for the fleet to say")
        if graph is not None and "deletionTimestamp" in graph["metadata"]:
            instance = there.find(wanted, name, namespace=namespace)
        else:
            instance = there.get(wanted, name, namespace=namespace)
    url = options.read(database_url=database_url).database
    left_alone = asyncio.run(leftalone.find(url, cluster=ClusterName(cluster), kind=wanted))
    found = explain(instance, graph, left_alone=left_alone)
    if Form(output) is Form.JSON:
        printing.json(found)
        return
    click.echo(f"{wanted.name} {name} on {cluster} {_headline(found, at=times.now())}")
    for line in _lines(found, at=times.now()):
        click.echo(line)


def _is_of_fleet(kind: Kind, there: OneCluster) -> bool:
    group = kind.api_version.partition("/")[0]
    if group == GROUP:
        return True
    crd = there.find(_CRD, f"{kind.plural}.{group}")
    return crd is not None and TRANSFORM in crd["metadata"].get("labels", {})


def explain(instance: Manifest | None, graph: Manifest | None, *, left_alone: str = "") -> Explanation:
    """Find the first thing that keeps an instance from being ready; None is one of which only a graph is left."""
    return msgspec.structs.replace(_explain(instance, graph, left_alone=left_alone), left_alone=left_alone)


def _explain(instance: Manifest | None, graph: Manifest | None, *, left_alone: str) -> Explanation:
    if instance is None or "deletionTimestamp" in instance["metadata"]:
        return _teardown(instance, graph)
    metadata, status = instance["metadata"], instance.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    told = _Told(phase=status.get("phase", "Pending"), since=ready.get("lastTransitionTime"))
    if metadata.get("annotations", {}).get(SUSPEND) == "true":
        return told.because(f"its annotation {SUSPEND} asks for it to be left alone")
    if told.phase == "Suspended":
        return told.because("its Transform is suspended")
    if status.get("observedGeneration") != metadata.get("generation"):
        unseen = "no hub has looked at this generation of it yet"
        return told.because(unseen if left_alone else f"{unseen}: does one run, and reach the cluster?")
    if ready.get("status") == "True":
        return Explanation(ready=True, phase=told.phase, since=told.since)
    reason = status.get("blockedBy") or ready.get("message", "")
    if graph is None or conditions.get("Rendered", {}).get("status") != "True":
        return told.because(reason)
    return told.because(reason, _node(graph))


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    since: str | None

    def because(self, reason: str, blocker: NodeBlocker | None = None) -> Explanation:
        return Explanation(ready=False, phase=self.phase, since=self.since, reason=reason, blocker=blocker)


def _teardown(instance: Manifest | None, graph: Manifest | None) -> Explanation:
    if graph is not None and "deletionTimestamp" in graph["metadata"]:
        told = _Told(phase="Deleting", since=graph["metadata"]["deletionTimestamp"])
        return told.because(graph.get("status", {}).get("blockedBy") or "what it consists of is being torn down")
    metadata = (instance or {}).get("metadata", {})
    told = _Told(phase="Deleting", since=metadata.get("deletionTimestamp"))
    rest = "" if graph is None else "; what it consists of stays until then"
    return told.because(f"finalizers hold it: {', '.join(metadata.get('finalizers', ()))}{rest}")


def _node(graph: Manifest) -> NodeBlocker | None:
    """The node that blocks the graph, where it is one and not the graph as a whole."""
    try:
        spec = parse_spec(graph["spec"])
        if any(each.severity is Severity.ERROR for each in spec.violations):
            return None
        return _first(spec, graph.get("status", {}).get("nodes", {}))
    except GraphError:
        return None


def _first(spec: GraphSpec, nodes: Mapping[str, Mapping[str, Any]]) -> NodeBlocker | None:
    needs = order.dependencies(spec.nodes, absent=frozenset(each.node for each in spec.waiting))
    found = blockers.first(
        needs, {NodeId(node) for node, known in nodes.items() if known["phase"] in READY_PHASES}
    )
    if found is None:
        return None
    known = nodes.get(found.node, {})
    ref = known.get("resourceRef", {})
    return NodeBlocker(
        node=found.node,
        object=f"{ref.get('kind', '')} {ref.get('name', '')}".strip(),
        phase=known.get("phase", "Pending"),
        message=known.get("message", ""),
        since=known.get("since"),
        last_error=known.get("lastError", ""),
        attempts=known.get("attempts", 0),
        next_retry_at=known.get("nextRetryAt"),
        behind=found.behind,
    )


def _headline(found: Explanation, *, at: datetime) -> str:
    since = f" for {times.age(parse_rfc3339(found.since), at=at)}" if found.since else ""
    return f"is ready{since}" if found.ready else f"is not ready{since}: {found.phase}"


def _lines(found: Explanation, *, at: datetime) -> Iterator[str]:
    blocker = found.blocker
    if found.left_alone:
        yield f"  it is left alone: {found.left_alone}"
    if blocker is None:
        if found.reason:
            yield f"  {found.reason}"
        return
    since = f" for {times.age(parse_rfc3339(blocker.since), at=at)}" if blocker.since else ""
    yield f"  node {blocker.node} ({blocker.object}) is {blocker.phase}{since}"
    if blocker.message:
        yield f"    {blocker.message}"
    if blocker.last_error and blocker.last_error != blocker.message:
        yield f"    last error: {blocker.last_error}"
    if blocker.next_retry_at:
        yield f"    next try: {_in(blocker.next_retry_at, at=at)}, after {blocker.attempts} so far"
    for node in blocker.behind:
        yield f"  node {node} waits behind it"


def _in(moment: str, *, at: datetime) -> str:
    left_s = (parse_rfc3339(moment) - at).total_seconds()
    return f"in {left_s:.0f} s" if left_s > 0 else "now"
