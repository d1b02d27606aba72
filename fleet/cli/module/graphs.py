"""A rendered graph for people: objects that kubectl takes, and the ResourceGraph that the fleet would apply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.cue.authoring import documents
from fleet.kube.objects import LiveObject
from fleet.registry.selection import EVERYTHING
from fleet.render import manifest
from fleet.transforms import crd as crds
from fleet.transforms.catalog import Active

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fleet.cli.module.generated import Generated
    from fleet.cue.contract import Json, Rendered, RenderInput
    from fleet.cue.module import Module

_NO_UID = "00000000-0000-0000-0000-000000000000"


def objects(rendered: Rendered) -> str:
    """The objects as one YAML stream. All else that is known of the nodes and of the graph are comments in it."""
    texts = [
        "".join((*_comments(_envelope(node).items()), documents.dump(documents.ordered(node["object"]))))
        for node in rendered.nodes
    ]
    rest = "".join(_comments(_rest(rendered)))
    return "---\n".join([*texts, rest] if rest else texts)


def resource_graph(made: Generated, module: Module, render_input: RenderInput, rendered: Rendered) -> Json:
    """The ResourceGraph, as the first revision of a Transform would make it of an instance with no uid yet."""
    resource = crds.resource_type(made.crd)
    instance = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": render_input.metadata.name,
            "namespace": render_input.metadata.namespace,
            "uid": _NO_UID,
        },
    }
    active = Active(
        transform=made.transform,
        revision=1,
        module=module,
        crd=made.crd,
        resource=resource,
        selector=EVERYTHING,
    )
    return manifest.build(LiveObject.decode(msgspec.json.encode(instance)), active, rendered)


def _envelope(node: Json) -> Json:
    return {"node": node["id"], **{name: part for name, part in node.items() if name not in {"id", "object"}}}


def _rest(rendered: Rendered) -> Iterator[tuple[str, Any]]:
    for node in rendered.waiting:
        yield f"node {node.node} waits for", ", ".join(node.paths)
    for violation in rendered.violations:
        yield f"violation: {violation.severity}", ": ".join(filter(None, (violation.path, violation.message)))
    if rendered.status:
        yield "status", rendered.status


def _comments(parts: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for name, part in parts:
        yield f"# {name}: {part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)}\n"
