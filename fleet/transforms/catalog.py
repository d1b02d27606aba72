"""The kinds that are in force: the last good revision of each Transform, and where it belongs.

The hub fills it from SQL when it starts, so that the spokes are served even while the hub cluster is away; the
Transform controller keeps it current. Listeners learn which Transform changed, and read the rest here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.cue.module import Module
from fleet.transforms.spec import STRICTEST, DeletionPolicy, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.ids import TransformName
    from fleet.kube.resources import ResourceType
    from fleet.registry.selection import LabelSelector
    from fleet.transforms.crd import Manifest
    from fleet.transforms.repository import Revision

    Listener = Callable[[TransformName], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """One kind in force; ``retiring`` once its Transform is being deleted."""

    transform: TransformName
    revision: int
    module: Module
    crd: Manifest
    resource: ResourceType
    selector: LabelSelector
    policy: Policy = STRICTEST
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    retiring: bool = False

    @property
    def crd_name(self) -> str:
        """``metadata.name`` of the CRD."""
        name: str = self.crd["metadata"]["name"]
        return name

    def belongs_on(self, labels: Mapping[str, str]) -> bool:
        """Whether a spoke with ``labels`` is to serve the kind."""
        return not self.retiring and self.selector.matches(labels)


def active_of(revision: Revision) -> Active:
    """What is known of a kind from SQL alone. Its deletion policy is not, so nothing is deleted for it."""
    return Active(
        transform=revision.transform,
        revision=revision.number,
        module=Module(files=revision.files, digest=revision.module_digest),
        crd=dict(revision.crd),
        resource=revision.resource,
        selector=revision.placement,
        policy=revision.policy,
    )


class Catalog:
    """Which Transform stands for which kind."""

    def __init__(self) -> None:
        self._active: dict[TransformName, Active] = {}
        self._listeners: set[Listener] = set()

    def get(self, transform: TransformName) -> Active | None:
        """What a Transform stands for, or None where it is not (or no longer) in force."""
        return self._active.get(transform)

    def all(self) -> list[Active]:
        """Every kind in force, by name of its Transform."""
        return [self._active[name] for name in sorted(self._active)]

    def owner_of_crd(self, crd_name: str) -> TransformName | None:
        """The Transform that generates the CRD of this name."""
        return next((active.transform for active in self.all() if active.crd_name == crd_name), None)

    def put(self, active: Active) -> None:
        """Bring a revision into force."""
        if self._active.get(active.transform) == active:
            return
        self._active[active.transform] = active
        self._tell(active.transform)

    def remove(self, transform: TransformName) -> None:
        """Take a Transform out of force."""
        if self._active.pop(transform, None) is not None:
            self._tell(transform)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` at every change from now on, until the returned function is called."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def _tell(self, transform: TransformName) -> None:
        for listener in list(self._listeners):
            listener(transform)
