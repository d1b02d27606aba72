"""Modules in ConfigMaps of the hub cluster: each ``*.cue`` key is a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fleet.cue.errors import ModuleError
from fleet.cue.remote import content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cue.module import Module

FOLDER = "__"
"""Stands for ``/``, which a key of a ConfigMap cannot have."""


class ConfigMapName(NamedTuple):
    """Which ConfigMap."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"ConfigMap {self.namespace}/{self.name}"


def parse(ref: str) -> ConfigMapName:
    """Read ``cueRef.ref``, which is namespace/name. Raises ModuleError."""
    namespace, _, name = ref.partition("/")
    if not namespace or not name or "/" in name:
        raise ModuleError(f"cueRef.ref: {ref!r} is not namespace/name of a ConfigMap, such as platform/webservice")
    return ConfigMapName(namespace, name)


def module_in(config_map: Mapping[str, Any], *, path: str, where: ConfigMapName) -> Module:
    """The module in a ConfigMap, or in the folder ``path`` of it. Raises ModuleError."""
    data: Mapping[str, str] = config_map.get("data") or {}
    files = {key.replace(FOLDER, "/"): text.encode() for key, text in data.items()}
    if len(files) < len(data):
        raise ModuleError(f"cueRef.ref: {where}: two of its keys stand for the same file")
    folder = path.strip("/")
    if folder:
        files = {
            name.removeprefix(f"{folder}/"): text for name, text in files.items() if name.startswith(f"{folder}/")
        }
    return content.module_of(files, where=f"cueRef.ref: {where}{f', folder {folder}' if folder else ''}")
