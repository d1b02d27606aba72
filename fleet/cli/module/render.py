"""``fleet module render``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import click

from fleet.cli import manifests, printing
from fleet.cli import options as common
from fleet.cli.module import generated, graphs, options, problems, soundness
from fleet.cue.authoring import documents, folders, golden, instances
from fleet.cue.contract import ClusterFacts, InstanceMetadata, RenderInput
from fleet.cue.evaluator import Evaluator
from fleet.graph.model import Severity
from fleet.ids import ClusterName, NodeId

if TYPE_CHECKING:
    from typing import TextIO

    from fleet.cli.module.generated import Generated
    from fleet.cue.authoring.folders import Authored
    from fleet.cue.authoring.instances import WrittenInstance
    from fleet.cue.contract import Rendered


class Form(StrEnum):
    """How the graph is written: its objects, the ResourceGraph, or for machines."""

    YAML = "yaml"
    GRAPH = "graph"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What the options say of the instance and of where it runs."""

    name: str | None
    namespace: str | None
    labels: dict[str, str]
    cluster: str | None
    cluster_labels: dict[str, str]
    observed: TextIO | None


def _pairs(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{each!r} is not KEY=VALUE", ctx=ctx, param=parameter)
        pairs[key] = value
    return pairs


@click.command(short_help="Print the graph that an instance of a module becomes.")
@options.where
@click.option(
    "-f",
    "--filename",
    "file",
    type=manifests.FILE,
    required=True,
    help="A spec, or a whole instance with apiVersion, kind, metadata and spec; - reads standard input.",
)
@click.option("--name", help=f"Name of the instance.  [default: the file's, or {instances.NAME}]")
@click.option("--namespace", help=f"Its namespace.  [default: the file's, or {instances.NAMESPACE}]")
@click.option("--label", "labels", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="A label of it.")
@click.option("--cluster", metavar="NAME", help="The cluster that it lives on.")
@click.option(
    "--cluster-label",
    "cluster_labels",
    multiple=True,
    callback=_pairs,
    metavar="KEY=VALUE",
    help="A label of the cluster.",
)
@click.option("--observed", type=manifests.FILE, help="Live objects of the nodes applied so far, by node id.")
@options.transform
@common.output(Form)
def render(*, where: str, file: TextIO, group: str, version: str, output: str, **given: object) -> None:
    """Render one instance, and print the objects that it becomes.

    What a node waits for, violations and the projected status follow as comments. The exit code is 1 where the
    spec is refused, the module fails, or a violation keeps the graph from being applied.
    """
    instance = instances.read(manifests.text_of(file), file=file.name)
    render_input = _input(instance, _Surroundings(**given))  # type: ignore[arg-type] # click gives what it declares
    with problems.told(where, written=instance.place):
        authored = asyncio.run(folders.read(where))
        rendered, made = asyncio.run(_render(authored, render_input, group=group, version=version))
    soundness.check(rendered)
    match Form(output):
        case Form.YAML:
            click.echo(graphs.objects(rendered), nl=False)
        case Form.GRAPH:
            manifest = graphs.resource_graph(made, authored.module, render_input, rendered)
            click.echo(documents.dump(documents.ordered(manifest)), nl=False)
        case Form.JSON:
            printing.json(golden.of_graph(rendered))
    _refuse_violations(rendered)


async def _render(
    authored: Authored, render_input: RenderInput, *, group: str, version: str
) -> tuple[Rendered, Generated]:
    async with Evaluator(size=1) as evaluator:
        made = await generated.generate(evaluator, authored, name=None, group=group, version=version)
        return await evaluator.render(authored.module, render_input), made


def _input(instance: WrittenInstance, around: _Surroundings) -> RenderInput:
    cluster = None
    if around.cluster or around.cluster_labels:
        cluster = ClusterFacts(name=ClusterName(around.cluster or instances.NAME), labels=around.cluster_labels)
    observed = {}
    if around.observed is not None:
        observed = instances.read_observed(manifests.text_of(around.observed), file=around.observed.name)
    return RenderInput(
        metadata=InstanceMetadata(
            name=around.name or instance.name,
            namespace=around.namespace or instance.namespace,
            labels={**instance.labels, **around.labels},
            annotations=dict(instance.annotations),
        ),
        spec=instance.spec,
        cluster=cluster,
        observed={NodeId(node): live for node, live in observed.items()},
    )


def _refuse_violations(rendered: Rendered) -> None:
    errors = [each for each in rendered.violations if each.severity == Severity.ERROR]
    for each in errors:
        click.echo(f"violation: {': '.join(part for part in (each.path, each.message) if part)}", err=True)
    if errors:
        click.echo("the graph would not be applied", err=True)
        raise click.exceptions.Exit(1)
