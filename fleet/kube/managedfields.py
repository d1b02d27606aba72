"""Who owns which field of an object, as server-side apply keeps it in ``metadata.managedFields``.

A path is a tuple of the keys of ``fieldsV1``: ``f:name`` for a field, ``k:{…}`` for an item of a list by its keys,
``v:…`` for an item of a set. Source: Kubernetes API concepts, "Server-Side Apply", and structured-merge-diff.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.kube.objects import LiveObject

FieldPath = tuple[str, ...]
Fields = dict[str, Any]


class Ownership(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One entry of ``managedFields``."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fields: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"{}"), name="fieldsV1")

    def tree(self) -> Fields:
        """The fields, as the tree that they are sent as."""
        decoded: Fields = msgspec.json.decode(self.fields)
        return decoded


class _Metadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    managed_fields: tuple[Ownership, ...] = ()


class _Managed(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _Metadata


_managed = msgspec.json.Decoder(_Managed)


def ownerships(live: LiveObject) -> tuple[Ownership, ...]:
    """Every entry, in the order of the API server."""
    return _managed.decode(live.raw).metadata.managed_fields


def applied_by(live: LiveObject, manager: str) -> Ownership | None:
    """What ``manager`` owns by server-side apply."""
    return next(
        (
            each
            for each in ownerships(live)
            if each.manager == manager and each.operation == "Apply" and not each.subresource
        ),
        None,
    )


def digest(ownership: Ownership | None) -> str:
    """Changes whenever the set of owned fields does."""
    return hashlib.sha256(bytes(ownership.fields) if ownership else b"").hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Lost:
    """A field that a manifest sets and that its manager does not own (any more)."""

    path: FieldPath
    wanted: Any


def lost(manifest: Fields, owned: Fields) -> Iterator[Lost]:
    """The fields of ``manifest`` that are not in the tree ``owned``, in the order of the manifest."""
    for key, value in manifest.items():
        if key in {"apiVersion", "kind"}:
            continue
        if key == "metadata":
            value = {each: value[each] for each in ("labels", "annotations") if each in value}  # noqa: PLW2901
        yield from _lost_below(value, owned.get(f"f:{key}"), (f"f:{key}",))


def _lost_below(value: Any, owned: Fields | None, path: FieldPath) -> Iterator[Lost]:  # noqa: ANN401 - any JSON
    if owned is None:
        yield from _all_of(value, path)
    elif isinstance(value, dict):
        if owned and owned != {".": {}}:  # an atomic object is owned whole
            for key, below in value.items():
                yield from _lost_below(below, owned.get(f"f:{key}"), (*path, f"f:{key}"))
    elif isinstance(value, list) and any(key[:2] in {"k:", "v:"} for key in owned):
        for item in value:
            found = _item_key(item, owned)
            if found is None:
                yield Lost((*path, "item"), item)
            elif isinstance(item, dict):
                yield from _lost_below(item, owned[found], (*path, found))


def _all_of(value: Any, path: FieldPath) -> Iterator[Lost]:  # noqa: ANN401 - any JSON
    """Field by field: whoever takes the last field of a map takes the map, too."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _all_of(below, (*path, f"f:{key}"))
    elif value not in ([], None):
        yield Lost(path, value)


def _item_key(item: Any, owned: Fields) -> str | None:  # noqa: ANN401 - any JSON
    for key in owned:
        if key.startswith("k:") and isinstance(item, dict):
            wanted = msgspec.json.decode(key[2:])
            # A key that the manifest leaves out has a default (a port's protocol): it does not tell items apart.
            if all(item.get(name, part) == part for name, part in wanted.items()):
                return key
        elif key.startswith("v:") and msgspec.json.decode(key[2:]) == item:
            return key
    return None


def owner_of(live: LiveObject, path: FieldPath, *, besides: str) -> Ownership | None:
    """The manager, other than ``besides``, that owns a field, something in it, or the atomic field around it."""
    for each in ownerships(live):
        if (each.manager, each.operation) == (besides, "Apply"):
            continue
        tree: Any = each.tree()
        for depth, step in enumerate(path):
            if depth and tree == {}:
                break
            tree = tree.get(step) if isinstance(tree, dict) else None
        if tree is not None:
            return each
    return None


def value_at(body: Fields, path: FieldPath) -> Any:  # noqa: ANN401 - any JSON
    """What stands at a path, or None."""
    value: Any = body
    for step in path:
        if step.startswith("f:") and isinstance(value, dict):
            value = value.get(step[2:])
        elif step.startswith("k:") and isinstance(value, list):
            keys = msgspec.json.decode(step[2:])
            value = next(
                (item for item in value if all(item.get(name) == part for name, part in keys.items())), None
            )
        else:
            return None
    return value


def without(manifest: Fields, path: FieldPath) -> Fields:
    """A copy of a manifest that does not set the field at a path of plain fields."""
    if not path or not path[0].startswith("f:"):
        return manifest
    name = path[0][2:]
    if name not in manifest:
        return manifest
    if len(path) == 1:
        return {key: value for key, value in manifest.items() if key != name}
    below = manifest[name]
    return {**manifest, name: without(below, path[1:])} if isinstance(below, dict) else manifest


def shown(path: FieldPath) -> str:
    """A path as people write it: ``.spec.replicas``, ``.spec.containers[name="app"].image``."""
    parts = []
    for step in path:
        if step.startswith("f:"):
            parts.append(f".{step[2:]}")
        elif step.startswith("k:"):
            keys = msgspec.json.decode(step[2:])
            parts.append(
                "[" + ",".join(f"{name}={msgspec.json.encode(part).decode()}" for name, part in keys.items()) + "]"
            )
        else:
            parts.append("[]")
    return "".join(parts)
