"""The Transforms of the hub cluster: from ``spec`` to a revision in force, and back to ``status``.

A Transform whose module cannot be loaded keeps its last good revision in force: the spokes go on with it, and the
status says what is wrong with the new one. Deleting a Transform withdraws its kind from every spoke first.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from fleet.errors import Terminal, Transient
from fleet.ids import ClusterName, TransformName
from fleet.kube import labels
from fleet.kube.conditions import merge_patch
from fleet.kube.errors import NotFound
from fleet.kube.wellknown import TRANSFORMS
from fleet.kube.writes import Cause
from fleet.registry import selection
from fleet.transforms import crd as crds
from fleet.transforms import spec as specs
from fleet.transforms import status as statuses
from fleet.transforms.catalog import Active
from fleet.transforms.repository import Draft, RolloutState, SchemaIssue
from fleet.transforms.spec import DeletionPolicy, TransformError
from fleet.transforms.status import Progress, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cue.evaluator import Evaluator
    from fleet.cue.module import Module
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.transforms.catalog import Catalog
    from fleet.transforms.repository import Revision, TransformRepository
    from fleet.transforms.sourcing import Sourced, Sourcing
    from fleet.transforms.spec import TransformSpec
    from fleet.watch.informers import Informer

log = structlog.get_logger(__name__)


class Spokes(Protocol):
    """Who can be selected: the registered spokes, by name, with their labels."""

    def labels(self) -> Mapping[ClusterName, Mapping[str, str]]:
        """The labels of every registered spoke, whether it can be reached or not."""
        ...

    def suspended(self) -> frozenset[ClusterName]:
        """Those whose cluster files say so."""
        ...


class TransformController:
    """Reconciles the Transforms of one hub cluster."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        transforms: Informer,
        catalog: Catalog,
        repository: TransformRepository,
        evaluator: Evaluator,
        sourcing: Sourcing,
        spokes: Spokes,
    ) -> None:
        self._client = client
        self._transforms = transforms
        self._catalog = catalog
        self._repository = repository
        self._evaluator = evaluator
        self._sourcing = sourcing
        self._spokes = spokes
        self._naming = asyncio.Lock()  # from the look whether a CRD's name is free until it is taken

    async def reconcile(self, name: TransformName) -> float | None:
        """One turn for one Transform."""
        live = self._transforms.cache.get("", name)
        if live is None:
            if self._transforms.seeing:
                await self._forget_orphan(name)
            return None
        if live.deleting:
            await self._retire(name, live)
            return None
        if labels.ROLLOUT_FINALIZER not in live.meta.finalizers:
            live = await self._set_finalizers(live, (*live.meta.finalizers, labels.ROLLOUT_FINALIZER))
        progress, failure = await self._advance(name, live)
        if (
            _nothing_known(progress)
            and live.body.get("status", {}).get("observedGeneration") == live.meta.generation
        ):
            return None  # after a start of the hub: what the status says of this generation still holds
        await self._publish(name, live, progress)
        if isinstance(failure, Transient):
            raise failure
        return None

    async def _advance(self, name: TransformName, live: LiveObject) -> tuple[Progress, Exception | None]:
        """As far as it goes: module, schema, CRD, revision, rollout. Errors become the step's condition."""
        progress = Progress()
        step = Step.MODULE_LOADED
        try:
            spec = specs.parse_spec(live.body["spec"])
            selector = selection.parse(spec.placement.cluster_selector, field="spec.placement.clusterSelector")
            sourced = await self._sourcing.current(name, spec.cue_ref)
            progress = _sourced(progress, sourced, self._catalog.get(name))
            module = self._usable(name, sourced)
            if module is None:
                return progress, None  # the sourcing gives another turn when it knows more
            meta = await self._evaluator.inspect(module)
            step = Step.SCHEMA_EXTRACTED
            schema = await self._evaluator.schema(module)
            issues = tuple(SchemaIssue(path=each.path, reason=each.reason) for each in schema.issues)
            wider = f"wider than the module in {len(issues)} places" if issues else "exact"
            progress = progress.reached(step, wider)
            step = Step.CRD_GENERATED
            generated = crds.generated_names(
                name,
                spec,
                module_kind=meta.kind,
                module_plural=meta.plural,
                module_categories=meta.categories,
            )
            manifest = crds.build(
                name, spec, generated, schema=schema.schema, printer_columns=meta.printer_columns
            )
            draft = Draft(
                module_digest=module.digest,
                origin=sourced.origin,
                files=module.files,
                resource=crds.resource_type(manifest),
                crd=manifest,
                schema_issues=issues,
                placement=selector,
                policy=spec.policy,
            )
            revision = await self._bring_into_force(name, draft, spec, module)
            progress = replace(progress.reached(step, f"revision {revision.number}"), revision=revision)
        except (Terminal, Transient) as exc:
            return progress.failed(step, type(exc).__name__, str(exc)), exc
        return await self._judge_rollout(name, progress), None

    async def _bring_into_force(
        self, name: TransformName, draft: Draft, spec: TransformSpec, module: Module
    ) -> Revision:
        """Record the draft as a revision, and let the spokes have it; refuses a CRD that it cannot have."""
        async with self._naming:
            self._refuse_taken(name, draft)
            self._refuse_other_kind(name, draft)
            revision = await self._repository.record_revision(name, draft=draft)
            active = _active(revision, spec, module)
            await self._expect_rollouts(active)
            self._catalog.put(active)
        return revision

    async def _judge_rollout(self, name: TransformName, progress: Progress) -> Progress:
        counts = await self._repository.rollout_counts(name)  # first: what is counted as failed is then told, too
        rollouts = await self._repository.rollouts(name)
        return statuses.rolled_out(progress, rollouts, counts, suspended=self._spokes.suspended())

    async def _expect_rollouts(self, active: Active) -> None:
        """Selected spokes that have not reported yet are part of the count, reachable or not."""
        spokes = self._spokes.labels()
        await self._repository.expect_rollouts(
            active.transform,
            clusters=[name for name, cluster_labels in spokes.items() if active.belongs_on(cluster_labels)],
            revision=active.revision,
            reason="waiting for the cluster",
        )
        for known in await self._repository.rollouts(active.transform):
            if known.cluster not in spokes and known.state is not RolloutState.WITHDRAWN:
                await self._repository.set_rollout(
                    active.transform,
                    cluster=known.cluster,
                    revision=active.revision,
                    state=RolloutState.WITHDRAWN,
                    reason="the cluster is not registered any more",
                )

    async def _retire(self, name: TransformName, live: LiveObject) -> None:
        """Withdraw the kind from every spoke, then let the Transform go."""
        if labels.ROLLOUT_FINALIZER not in live.meta.finalizers:
            return
        active = self._catalog.get(name)
        if active is not None:
            policy = specs.parse_spec(live.body["spec"]).deletion_policy
            active = replace(active, deletion_policy=policy, retiring=True)
            self._catalog.put(active)
            if holding := await self._still_holding(active):
                progress = Progress().pending(Step.CRD_ROLLED_OUT, "Deleting", holding)
                await self._publish(name, live, progress)
                return
        self._sourcing.forget(name)
        await self._repository.forget(name)
        self._catalog.remove(name)
        kept = tuple(each for each in live.meta.finalizers if each != labels.ROLLOUT_FINALIZER)
        try:
            await self._set_finalizers(live, kept)
        except NotFound:
            return

    async def _still_holding(self, active: Active) -> str:
        """What keeps a Transform from going. With Retain nothing is owed to a spoke that is away."""
        rollouts = await self._repository.rollouts(active.transform)
        spokes = self._spokes.labels()
        held = []
        for each in rollouts:
            if each.state is RolloutState.WITHDRAWN:
                continue
            if each.cluster not in spokes or active.deletion_policy is DeletionPolicy.RETAIN:
                continue
            suspended = " (the cluster is suspended)" if each.cluster in self._spokes.suspended() else ""
            held.append(f"{each.cluster}: {each.reason or 'its CRD is still to be deleted'}{suspended}")
        return "; ".join(held)

    async def _forget_orphan(self, name: TransformName) -> None:
        """The Transform is gone without its finalizer having run: somebody took the finalizer off."""
        self._sourcing.forget(name)
        if self._catalog.get(name) is not None:
            log.warning("Transform went without its finalizer; its CRDs are retained", transform=name)
            await self._repository.forget(name)
            self._catalog.remove(name)

    def _usable(self, name: TransformName, sourced: Sourced) -> Module | None:
        """The module to go on with. Where its source cannot be had, that is the one in force and no other."""
        module = sourced.module
        if module is None or sourced.error is None:
            return module
        active = self._catalog.get(name)
        return module if active is not None and active.module.digest == module.digest else None

    def _refuse_taken(self, name: TransformName, draft: Draft) -> None:
        crd = draft.crd["metadata"]["name"]
        owner = self._catalog.owner_of_crd(crd)
        if owner not in (None, name):
            raise TransformError(
                f"the CRD {crd} is generated by the Transform {owner} already; "
                f"give this one another spec.kind, or delete the other"
            )

    def _refuse_other_kind(self, name: TransformName, draft: Draft) -> None:
        """A kind has instances on the spokes, which would be left behind and looked after by nobody."""
        active = self._catalog.get(name)
        if active is not None and active.resource != draft.resource:
            raise TransformError(
                f"a Transform keeps its kind: this one stands for {active.resource.kind} ({active.resource}), and "
                f"would become {draft.resource.kind} ({draft.resource}). Revision {active.revision} stays in "
                f"force; change {_differing(active.resource, draft.resource)} back, and make another Transform "
                f"for what is new"
            )

    async def _publish(self, name: TransformName, live: LiveObject, progress: Progress) -> None:
        current = live.body.get("status", {})
        wanted = statuses.render(
            progress,
            active=self._catalog.get(name),
            current=current,
            generation=live.meta.generation,
            now=datetime.now(UTC),
        )
        # Fields that are not known this time keep what they had.
        patch = merge_patch(current, {**current, **wanted})
        if patch:
            cause = Cause(reason="status of the Transform", transform=name)
            self._transforms.learn(await self._client.patch_status(TRANSFORMS, live.ref, patch, cause=cause))

    async def _set_finalizers(self, live: LiveObject, finalizers: tuple[str, ...]) -> LiveObject:
        patch = {"metadata": {"finalizers": list(finalizers), "resourceVersion": live.meta.resource_version}}
        cause = Cause(reason="finalizer of the Transform", transform=TransformName(live.meta.name))
        changed = await self._client.merge_patch(TRANSFORMS, live.ref, patch, cause=cause)
        self._transforms.learn(changed)
        return changed


def _sourced(progress: Progress, sourced: Sourced, active: Active | None) -> Progress:
    """The condition of the module's source."""
    step = Step.MODULE_LOADED
    if sourced.error is not None:
        stays = f"; revision {active.revision} stays in force" if active is not None else ""
        return progress.failed(step, type(sourced.error).__name__, f"{sourced.error}{stays}")
    if sourced.module is None:
        return progress.pending(step, "Fetching", "the module is being fetched")
    origin = f" from {sourced.origin}" if sourced.origin else ""
    return progress.reached(step, f"module {sourced.module.digest}{origin}")


def _nothing_known(progress: Progress) -> bool:
    return [each.holds for each in progress.steps.values()] == [None]


def _active(revision: Revision, spec: TransformSpec, module: Module) -> Active:
    return Active(
        transform=revision.transform,
        revision=revision.number,
        module=module,
        crd=dict(revision.crd),
        resource=revision.resource,
        selector=revision.placement,
        policy=revision.policy,
        deletion_policy=spec.deletion_policy,
    )


def _differing(one: ResourceType, other: ResourceType) -> str:
    fields = ("group", "version", "kind", "plural")
    return " and ".join(each for each in fields if getattr(one, each) != getattr(other, each))
