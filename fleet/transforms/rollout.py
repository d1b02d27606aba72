"""One spoke's share of every Transform: its CRD is there, established and ours, and its kind is served.

Each spoke has a backlog of Transform names of its own, so that a slow or absent spoke holds up nobody. The CRDs
that the fleet made are watched: one that somebody edits or deletes is put right, one that becomes established
is noticed at once. A CRD of the same name that the fleet did not make is a conflict, never overwritten.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import structlog

from fleet.errors import Terminal
from fleet.ids import TransformName
from fleet.kube import labels
from fleet.kube.conditions import holds, told
from fleet.kube.errors import NotFound
from fleet.kube.wellknown import CRDS, GRAPHS
from fleet.kube.writes import Cause
from fleet.transforms import crd as crds
from fleet.transforms.repository import RolloutState
from fleet.transforms.spec import DeletionPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.transforms.catalog import Active, Catalog
    from fleet.transforms.repository import TransformRepository
    from fleet.watch.backlog import Backlog
    from fleet.watch.informers import Informer, Informers

log = structlog.get_logger(__name__)

RECHECK_S = 15.0
"""How often to look for what no watch tells: whether instances still live, and CRDs that others made."""


class Kinds(Protocol):
    """Hears what becomes of the generated kinds on this spoke."""

    def serve(self, active: Active) -> None:
        """The CRD is established at this revision: watch its instances, and look at all of them anew."""
        ...

    def withhold(self, resource: ResourceType) -> None:
        """The kind is not served here any more: stop watching its instances, and leave them as they are."""
        ...

    def progressed(self, transform: TransformName) -> None:
        """SQL has a new rollout state of this Transform."""
        ...


class CRDConflict(Terminal):
    """A CRD of the generated name exists, and the fleet did not make it."""


class Rollouts:
    """The Transforms of one spoke."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        cluster_labels: Mapping[str, str],
        informers: Informers,
        catalog: Catalog,
        repository: TransformRepository,
        backlog: Backlog[TransformName],
        kinds: Kinds,
    ) -> None:
        self._client = client
        self._labels = cluster_labels
        self._catalog = catalog
        self._repository = repository
        self._backlog = backlog
        self._kinds = kinds
        self._recorded: dict[TransformName, tuple[Active, RolloutState, str | None]] = {}
        self._serving: dict[TransformName, Active] = {}
        self._applied_generation: dict[str, int] = {}
        self._crds: Informer = informers.start(CRDS, on_change=self._crd_changed, selector=labels.TRANSFORM)

    async def reconcile(self, transform: TransformName) -> float | None:
        """Bring one Transform's CRD, and the watching of its kind, to where they belong."""
        await self._crds.synced()
        active = self._catalog.get(transform)
        if active is None or not active.belongs_on(self._labels):
            return await self._withdraw(transform, active)
        try:
            crd = await self._push(active)
        except CRDConflict as exc:
            self._stop_serving(transform)
            await self._record(active, RolloutState.FAILED, str(exc))
            return RECHECK_S
        except Terminal as exc:
            await self._record(active, RolloutState.FAILED, str(exc))
            raise
        refused = _refused_names(crd)
        if crd.deleting or not holds(crd.body, "Established"):
            state = RolloutState.FAILED if refused else RolloutState.PENDING
            await self._record(active, state, refused or _not_established(crd))
            return None  # the watch tells when it is, and when a deleted one is gone
        before = self._serving.get(transform)
        if before is not None and before.resource != active.resource:
            self._kinds.withhold(before.resource)
        if before != active:
            self._serving[transform] = active
            self._kinds.serve(active)
        await self._record(active, RolloutState.READY, refused or None)
        return None

    async def _push(self, active: Active) -> LiveObject:
        """Apply the CRD where it is missing, older or edited; gives the one on the cluster."""
        live = self._crds.cache.get("", active.crd_name) or await self._foreign(active)
        self._refuse_foreign(active, live)
        if live is not None and live.deleting:
            return live  # once it is gone, it is made anew
        wanted = crds.stamped(active.crd, revision=active.revision)
        if live is None or self._differs(live, wanted):
            cause = Cause(
                reason="the Transform's CRD" if live is None else "the CRD differs from the Transform's",
                transform=active.transform,
                revision=active.revision,
            )
            live = await self._client.apply(CRDS, wanted, cause=cause, force=live is not None)
            self._applied_generation[live.meta.uid] = live.meta.generation
            self._crds.learn(live)
        return live

    def _differs(self, live: LiveObject, wanted: crds.Manifest) -> bool:
        stamp = wanted["metadata"]["annotations"][labels.REVISION]
        if live.meta.annotations.get(labels.REVISION) != stamp:
            return True
        # The first look after a start takes the stamp's word; from then on, a new generation is an edit.
        applied = self._applied_generation.setdefault(live.meta.uid, live.meta.generation)
        return live.meta.generation != applied

    async def _foreign(self, active: Active) -> LiveObject | None:
        """A CRD that the informer does not show, since it lacks our label."""
        try:
            return await self._client.get(CRDS, active.crd_name)
        except NotFound:
            return None

    def _refuse_foreign(self, active: Active, live: LiveObject | None) -> None:
        if live is None:
            return
        owner = live.meta.labels.get(labels.TRANSFORM)
        if owner == active.transform:
            return
        crd = f"CRD {active.crd_name} on cluster {self._client.name}"
        label = f"kubectl label --overwrite crd {active.crd_name} {labels.TRANSFORM}={active.transform}"
        if owner is None and labels.REVISION in live.meta.annotations:
            raise CRDConflict(
                f"{crd} has lost the label {labels.TRANSFORM}, and is left alone until it is back: {label}"
            )
        if owner is None:
            raise CRDConflict(
                f"{crd} was not made by the fleet; it is left alone. Make a Transform of another kind or group "
                f"in place of this one, or remove that CRD, which deletes every {active.resource.kind}"
            )
        raise CRDConflict(
            f"{crd} belongs to the Transform {owner}; it is left alone. Where that Transform is gone, this one "
            f"takes the CRD over, with its instances, by: {label}"
        )

    async def _withdraw(self, transform: TransformName, active: Active | None) -> float | None:
        """Stop serving the kind here; delete its CRD only where the Transform says so and nothing lives."""
        self._stop_serving(transform)
        if active is None:
            self._recorded.pop(transform, None)
            return None
        if active.deletion_policy is DeletionPolicy.DELETE and (refusal := await self._delete_crd(active)):
            await self._record(active, RolloutState.FAILED, refusal)
            return RECHECK_S
        await self._record(active, RolloutState.WITHDRAWN, None)
        return None

    def _stop_serving(self, transform: TransformName) -> None:
        if served := self._serving.pop(transform, None):
            self._kinds.withhold(served.resource)

    async def _delete_crd(self, active: Active) -> str:
        """Delete the CRD, or say why not. Deleting a CRD deletes every instance, so none may live."""
        live = self._crds.cache.get("", active.crd_name)
        if live is None or live.meta.labels.get(labels.TRANSFORM) != active.transform:
            return ""  # not here, or not ours
        try:
            page = await self._client.list_page(active.resource, limit=1)
        except NotFound:
            page = None
        if page is not None and page.objects:
            first = page.objects[0].meta
            return (
                f"instances of {active.resource.kind} still live on cluster {self._client.name} "
                f"(for example {first.namespace}/{first.name}); delete them first, or set deletionPolicy: Retain"
            )
        # Kubernetes deletes the graph of a deleted instance only while the instance's kind is still known.
        graphs = await self._client.list_page(GRAPHS, selector=f"{labels.TRANSFORM}={active.transform}", limit=1)
        if graphs.objects:
            first = graphs.objects[0].meta
            return (
                f"deleted instances of {active.resource.kind} are still torn down on cluster {self._client.name} "
                f"(for example ResourceGraph {first.namespace}/{first.name})"
            )
        cause = Cause(reason="deletionPolicy Delete", transform=active.transform, revision=active.revision)
        with contextlib.suppress(NotFound):
            await self._client.delete(CRDS, live.ref, uid=live.meta.uid, cause=cause)
        return ""

    async def _record(self, active: Active, state: RolloutState, reason: str | None) -> None:
        known = self._recorded.get(active.transform)
        # What the catalog says anew is recorded anew, for SQL may have forgotten the rollout in between.
        if known is not None and known[0] is active and known[1:] == (state, reason):
            return
        await self._repository.set_rollout(
            active.transform, cluster=self._client.name, revision=active.revision, state=state, reason=reason
        )
        self._recorded[active.transform] = (active, state, reason)
        log.info(
            "rollout", cluster=self._client.name, transform=active.transform, state=state.value, reason=reason
        )
        self._kinds.progressed(active.transform)

    def _crd_changed(self, seen: LiveObject) -> None:
        self._backlog.add(TransformName(seen.meta.labels[labels.TRANSFORM]))


def _refused_names(crd: LiveObject) -> str:
    """Why the API server does not accept a CRD's names: other kinds of the group have them, mostly."""
    found = told(crd.body, "NamesAccepted")
    if found.get("status") != "False":
        return ""
    return f"the API server does not accept all names of the CRD: {found.get('message', '')}"


def _not_established(crd: LiveObject) -> str:
    if crd.deleting:
        return "somebody deletes the CRD, and with it its instances; it is made anew once it is gone"
    return "the API server has not established the CRD yet"
