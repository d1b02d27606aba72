"""``fleet roles``: the ClusterRoles that the hub needs on a spoke, for itself and for each Transform."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TextIO

import click

from fleet.cli import manifests
from fleet.cue import sources
from fleet.cue.authoring import documents
from fleet.cue.evaluator import Evaluator
from fleet.errors import FleetError, Terminal
from fleet.ids import TransformName
from fleet.kube.labels import GROUP
from fleet.shipped import shipped
from fleet.transforms import crd as crds
from fleet.transforms.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fleet.cli.manifests import Manifest, Written
    from fleet.transforms.spec import TransformSpec

_AGGREGATED = f"rbac.{GROUP}/aggregate-to-spoke"
_OF_NODES = ("get", "list", "watch", "create", "patch", "delete")


class NoRole(Terminal):
    """What a Transform needs cannot be told from its file."""


@click.command(short_help="Print the ClusterRoles that the hub needs on a spoke.")
@click.option(
    "-f",
    "--filename",
    "files",
    type=manifests.FILE,
    multiple=True,
    help="A YAML file with Transforms, or - for stdin. May be given several times.",
)
def roles(*, files: Sequence[TextIO]) -> None:
    """Print the ClusterRoles that the hub needs on a spoke, for `kubectl apply -f -` there.

    They are what every spoke needs, and one more for each Transform: for its kind, and for its `managedResources`,
    which are what the module's nodes are of.

    The kind of a module that lies in git, in a registry or in a ConfigMap is told by the hub cluster:
    `kubectl get transforms -o yaml | fleet roles -f -`.
    """
    transforms = [each for file in files for each in _transforms(file)]
    of_transforms = asyncio.run(_of_all(transforms))
    click.echo((shipped("config") / "rbac" / "spoke" / "roles.yaml").read_text(), nl=False)
    for role in of_transforms:
        click.echo(f"---\n{documents.dump(role)}", nl=False)


async def _of_all(transforms: Sequence[Written]) -> list[Manifest]:
    async with Evaluator(size=1) as evaluator:
        return [await _of_one(each, evaluator) for each in transforms]


async def _of_one(written: Written, evaluator: Evaluator) -> Manifest:
    name = TransformName(written.manifest["metadata"]["name"])
    try:
        spec = parse_spec(written.manifest.get("spec", {}))
        if not spec.managed_resources:
            raise NoRole("spec.managedResources is empty; list what the module's nodes are of")
        return role_of(name, spec, plural=await _plural(written.manifest, name, spec, evaluator))
    except FleetError as exc:
        raise NoRole(f"{written.place}: Transform {name}: {exc}") from exc


async def _plural(transform: Manifest, name: TransformName, spec: TransformSpec, evaluator: Evaluator) -> str:
    """The plural of the kind: as the hub cluster tells it, or from a module that is at hand."""
    match transform:
        case {"status": {"generatedCRD": {"plural": str(told)}}}:
            return told
    if spec.cue_ref.type not in sources.SOURCES:
        raise NoRole(
            f"its module lies elsewhere ({spec.cue_ref.type}), and the kind with it. "
            f"Take it as the hub cluster has it: kubectl get transform {name} -o yaml | fleet roles -f -"
        )
    meta = await evaluator.inspect(await sources.resolve(spec.cue_ref))
    return crds.generated_names(name, spec, module_kind=meta.kind, module_plural=meta.plural).plural


def role_of(name: TransformName, spec: TransformSpec, *, plural: str) -> Manifest:
    """The ClusterRole of one Transform, which its label adds to that of the hub."""
    kind = [
        {"apiGroups": [spec.group], "resources": [plural], "verbs": ["list", "watch"]},
        {"apiGroups": [spec.group], "resources": [f"{plural}/status"], "verbs": ["patch"]},
        {"apiGroups": [spec.group], "resources": [f"{plural}/finalizers"], "verbs": ["update"]},
    ]
    nodes = [
        {"apiGroups": [each.api_group], "resources": list(each.resources), "verbs": list(_OF_NODES)}
        for each in spec.managed_resources
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"pequod-fleet-spoke-{name}", "labels": {_AGGREGATED: "true"}},
        "rules": kind + nodes,
    }


def _transforms(file: TextIO) -> Iterator[Written]:
    for each in manifests.read(file):
        if each.manifest["kind"] != "Transform":
            raise NoRole(f"{each.place}: this is no Transform, but a {each.manifest['kind']}")
        yield each
