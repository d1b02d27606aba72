"""What a Transform of the module would bring to the clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.ids import TransformName
from fleet.transforms import crd as crds
from fleet.transforms.spec import CueRef, SourceType, TransformSpec

if TYPE_CHECKING:
    from fleet.cue.authoring.folders import Authored
    from fleet.cue.contract import Schema
    from fleet.cue.evaluator import Evaluator
    from fleet.transforms.crd import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The CRD, and the schema in it."""

    transform: TransformName
    crd: Manifest
    schema: Schema


async def generate(
    evaluator: Evaluator, authored: Authored, *, name: str | None, group: str, version: str
) -> Generated:
    """As the Transform controller does it, but without a revision's number. Raises ModuleError."""
    transform = TransformName(name or authored.name)
    spec = TransformSpec(cue_ref=CueRef(type=SourceType.INLINE, ref=authored.where), group=group, version=version)
    meta = await evaluator.inspect(authored.module)
    schema = await evaluator.schema(authored.module)
    names = crds.generated_names(
        transform,
        spec,
        module_kind=meta.kind,
        module_plural=meta.plural,
        module_categories=meta.categories,
    )
    crd = crds.build(transform, spec, names, schema=schema.schema, printer_columns=meta.printer_columns)
    return Generated(transform=transform, crd=crd, schema=schema)
