"""The CRD that a module's schema becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.kube import labels
from fleet.kube.resources import ResourceType
from fleet.transforms import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.ids import TransformName
    from fleet.transforms.spec import TransformSpec

Manifest = dict[str, Any]

_STRING: Manifest = {"type": "string"}
_INTEGER: Manifest = {"type": "integer", "format": "int64"}

_CONDITIONS: Manifest = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": _STRING,
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "observedGeneration": _INTEGER,
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "reason": _STRING,
            "message": _STRING,
        },
    },
}

# What the module projects from #Render.status stands beside these, so unknown fields are kept.
_STATUS: Manifest = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "phase": _STRING,
        "observedGeneration": _INTEGER,
        "graph": _STRING,
        "blockedBy": _STRING,
        "conditions": _CONDITIONS,
    },
}

_COLUMNS: tuple[Manifest, ...] = (
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
)

RESERVED_STATUS = frozenset(_STATUS["properties"])
"""Fields of an instance's status that a module cannot project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedNames:
    """What the generated kind is called on the API."""

    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def generated_names(
    transform: TransformName,
    spec: TransformSpec,
    *,
    module_kind: str | None = None,
    module_plural: str | None = None,
    module_categories: Sequence[str] = (),
) -> GeneratedNames:
    """The Transform's own word first, then the module's ``#Meta``, then what the name stands for."""
    kind = spec.kind or module_kind or names.kind_of(transform)
    renamed = module_kind is not None and kind != module_kind
    plural = module_plural if module_plural and not renamed else names.plural_of(kind)
    categories = dict.fromkeys([*spec.categories, *module_categories])
    return GeneratedNames(kind=kind, plural=plural, short_names=spec.short_names, categories=tuple(categories))


def build(
    transform: TransformName,
    spec: TransformSpec,
    generated: GeneratedNames,
    *,
    schema: Mapping[str, Any],
    printer_columns: Sequence[Mapping[str, Any]] = (),
) -> Manifest:
    """The CRD's manifest, without the annotation that names the revision."""
    description = schema.get("description", f"Generated from the Transform {transform}.")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{generated.plural}.{spec.group}",
            "labels": {labels.TRANSFORM: transform},
        },
        "spec": {
            "group": spec.group,
            "scope": "Namespaced",
            "names": {
                "kind": generated.kind,
                "listKind": f"{generated.kind}List",
                "plural": generated.plural,
                "singular": generated.kind.lower(),
                "shortNames": list(generated.short_names),
                "categories": list(generated.categories),
            },
            "versions": [
                {
                    "name": spec.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [*_COLUMNS[:-1], *map(dict, printer_columns), _COLUMNS[-1]],
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": description,
                            "required": ["spec"] if schema.get("required") else [],
                            "properties": {"spec": dict(schema), "status": _STATUS},
                        }
                    },
                }
            ],
        },
    }


def stamped(crd: Manifest, *, revision: int) -> Manifest:
    """The CRD with the annotation by which a spoke's copy is recognised as this revision's."""
    metadata = {**crd["metadata"], "annotations": {labels.REVISION: stamp(crd, revision=revision)}}
    return {**crd, "metadata": metadata}


def stamp(crd: Manifest, *, revision: int) -> str:
    """The revision's number and a digest of the CRD."""
    digest = hashlib.sha256(msgspec.json.encode(crd, order="deterministic")).hexdigest()
    return f"{revision}-{digest[:16]}"


def resource_type(crd: Manifest) -> ResourceType:
    """Where instances of the generated kind live."""
    spec = crd["spec"]
    return ResourceType(
        group=spec["group"],
        version=spec["versions"][0]["name"],
        kind=spec["names"]["kind"],
        plural=spec["names"]["plural"],
    )
