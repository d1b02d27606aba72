"""The objects that one stream has shown, by name, and by the value of one label.

Two sources feed a cache: the stream, and the answers to our own writes, which arrive before the stream tells of
them. Resource versions settle the order between the two. The stream is complete up to where it stands, so the
answer to a write that is not newer than that, about an object that is not here, is about one that is gone.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.kube.objects import LiveObject

Key = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name."""


class ObjectCache:
    """Objects of one resource type on one cluster. Changed only from the event loop's thread."""

    def __init__(self, *, index_label: str | None = None) -> None:
        self._objects: dict[Key, LiveObject] = {}
        self._stands_at = 0
        self._index_label = index_label
        self._index: dict[str, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[LiveObject]:
        return iter(list(self._objects.values()))

    @property
    def stands_at(self) -> int:
        """The resource version that the stream has come to, at least."""
        return self._stands_at

    def get(self, namespace: str, name: str) -> LiveObject | None:
        """The last known state of an object, or None where none is known."""
        return self._objects.get((namespace, name))

    def labelled(self, value: str) -> list[LiveObject]:
        """The objects whose index label has ``value``, in order of their names."""
        return [self._objects[key] for key in sorted(self._index.get(value, ()))]

    def put(self, seen: LiveObject) -> bool:
        """Take a state from the stream; False where the answer to a write told it, or a later one, before."""
        version = seen.version
        self._stands_at = max(self._stands_at, version)
        known = self._objects.get(_key(seen))
        if known is not None and known.version >= version > 0:
            return False
        self._store(seen, known)
        return True

    def learn(self, seen: LiveObject) -> bool:
        """Take the answer to a write; False where the stream is further already."""
        known = self._objects.get(_key(seen))
        if seen.version <= (self._stands_at if known is None else known.version):
            return False
        self._store(seen, known)
        return True

    def remove(self, seen: LiveObject) -> bool:
        """Forget an object that the stream saw deleted; False where something newer took its name."""
        key, version = _key(seen), seen.version
        self._stands_at = max(self._stands_at, version)
        known = self._objects.get(key)
        if known is None or known.version > version:
            return False
        del self._objects[key]
        self._unindex(key, known)
        return True

    def replace(self, objects: list[LiveObject], *, version: int) -> list[LiveObject]:
        """Take a full list, as of ``version``, as the truth, and give what is gone, new or different.

        What a write of ours told since the list was made is kept. A list from before where the stream stood is one
        of a cluster that was restored to an earlier state: nothing known is newer than that.
        """
        restored = version < self._stands_at
        gone, self._objects = self._objects, {}
        self._index.clear()
        self._stands_at = version
        news = []
        for seen in objects:
            known = gone.pop(_key(seen), None)
            if known is not None and known.version > version and not restored:
                self._store(known, None)
                continue
            self._store(seen, None)
            if known is None or not _same(known, seen):
                news.append(seen)
        if not restored:
            for key in [key for key, known in gone.items() if known.version > version]:
                self._store(gone.pop(key), None)
        return [*gone.values(), *news]

    def _store(self, seen: LiveObject, known: LiveObject | None) -> None:
        key = _key(seen)
        if known is not None:
            self._unindex(key, known)
        self._objects[key] = seen
        if (value := self._index_value(seen)) is not None:
            self._index[value].add(key)

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


def _same(known: LiveObject, seen: LiveObject) -> bool:
    return (known.meta.resource_version, known.meta.uid) == (seen.meta.resource_version, seen.meta.uid)
