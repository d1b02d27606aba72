"""What the hub does on the hub cluster: the Transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.ids import TransformName
from fleet.kube.wellknown import TRANSFORMS
from fleet.transforms.controller import TransformController
from fleet.transforms.sourcing import Sourcing
from fleet.watch.backlog import Backlog, work

if TYPE_CHECKING:
    from fleet.cue.evaluator import Evaluator
    from fleet.cue.remote.fetching import Fetching
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.transforms.catalog import Catalog
    from fleet.transforms.controller import Spokes
    from fleet.transforms.repository import TransformRepository
    from fleet.watch.informers import Informers

TRANSFORM_WORKERS = 4


class HubSide:
    """The Transform controller of the hub cluster. `run` works until it is cancelled."""

    def __init__(
        self,
        client: ClusterClient,
        informers: Informers,
        *,
        evaluator: Evaluator,
        catalog: Catalog,
        fetching: Fetching,
        transforms: TransformRepository,
        spokes: Spokes,
    ) -> None:
        self.backlog = Backlog[TransformName]("transforms")
        self._catalog = catalog
        self._informer = informers.start(TRANSFORMS, on_change=self._changed)
        self._sourcing = Sourcing(client, fetching=fetching, changed=self.backlog.add)
        self._controller = TransformController(
            client,
            transforms=self._informer,
            catalog=catalog,
            repository=transforms,
            evaluator=evaluator,
            sourcing=self._sourcing,
            spokes=spokes,
        )

    async def run(self) -> None:
        """Reconcile Transforms until cancelled."""
        await self._informer.synced()
        for active in self._catalog.all():  # also those that went while nobody looked
            self.backlog.add(active.transform)
        unsubscribe = self._catalog.subscribe(self._in_force_changed)
        try:
            async with self._sourcing:
                await work(self.backlog, self._controller.reconcile, workers=TRANSFORM_WORKERS)
        finally:
            unsubscribe()

    def look_again(self) -> None:
        """The fleet's clusters changed: who is selected may have changed with them."""
        for seen in self._informer.cache:
            self.backlog.add(TransformName(seen.meta.name))

    def _changed(self, seen: LiveObject) -> None:
        self.backlog.add(TransformName(seen.meta.name))

    def _in_force_changed(self, transform: TransformName) -> None:
        """What a Transform that went has set free, another one may wait for: the name of its CRD."""
        if self._catalog.get(transform) is None:
            self.look_again()
