"""The objects that one stream has shown, by name, and by the value of one label.

Two sources feed a cache: the stream, and the answers to our own writes, which arrive before the stream tells of
them. The order between the two is settled by resource version; a tombstone keeps the late answer to a write from
bringing back what the stream has seen deleted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.kube.objects import LiveObject

Key = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name."""

MAX_TOMBSTONES = 10_000


class ObjectCache:
    """Objects of one resource type on one cluster. Changed only from the event loop's thread."""

    def __init__(self, *, index_label: str | None = None) -> None:
        self._objects: dict[Key, LiveObject] = {}
        self._tombstones: dict[Key, int] = {}
        self._index_label = index_label
        self._index: dict[str, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[LiveObject]:
        return iter(list(self._objects.values()))

    def get(self, namespace: str, name: str) -> LiveObject | None:
        """The last known state of an object, or None where none is known."""
        return self._objects.get((namespace, name))

    def labelled(self, value: str) -> list[LiveObject]:
        """The objects whose index label has ``value``, in order of their names."""
        return [self._objects[key] for key in sorted(self._index.get(value, ()))]

    def put(self, seen: LiveObject) -> bool:
        """Remember a state; False where it is no news: known already, or older than what is known."""
        key = _key(seen)
        if int(seen.meta.resource_version) <= self._tombstones.get(key, 0):
            return False
        known = self._objects.get(key)
        if known is not None:
            if not seen.newer_than(known):
                return False
            self._unindex(key, known)
        self._objects[key] = seen
        self._tombstones.pop(key, None)
        if (value := self._index_value(seen)) is not None:
            self._index[value].add(key)
        return True

    def remove(self, seen: LiveObject) -> bool:
        """Forget an object that the stream saw deleted; False where something newer took its name."""
        key = _key(seen)
        known = self._objects.get(key)
        if known is not None and known.newer_than(seen):
            return False
        if len(self._tombstones) >= MAX_TOMBSTONES:
            self._tombstones.clear()
        self._tombstones[key] = int(seen.meta.resource_version)
        if known is None:
            return False
        del self._objects[key]
        self._unindex(key, known)
        return True

    def replace(self, objects: list[LiveObject]) -> list[LiveObject]:
        """Take a full list as the truth, and give what is new, different or gone."""
        self._tombstones.clear()
        listed = {_key(seen) for seen in objects}
        gone = [known for key, known in self._objects.items() if key not in listed]
        for known in gone:
            key = _key(known)
            del self._objects[key]
            self._unindex(key, known)
        return gone + [seen for seen in objects if self.put(seen)]

    def _index_value(self, seen: LiveObject) -> str | None:
        return seen.meta.labels.get(self._index_label) if self._index_label else None

    def _unindex(self, key: Key, known: LiveObject) -> None:
        value = self._index_value(known)
        if value is None:
            return
        self._index[value].discard(key)
        if not self._index[value]:
            del self._index[value]


def _key(seen: LiveObject) -> Key:
    return (seen.meta.namespace, seen.meta.name)
