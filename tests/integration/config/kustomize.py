"""As much of kustomize as ``config/`` uses: a list of resources, files and folders, without transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]


def build(folder: Path) -> list[Manifest]:
    """The objects of a kustomization, in the order in which it lists them."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = kustomization.keys() - {"apiVersion", "kind", "resources"}
    assert not unknown, f"{folder}: the tests do not know what kustomize makes of {', '.join(unknown)}"
    objects = []
    for name in kustomization["resources"]:
        path = folder / name
        objects += build(path) if path.is_dir() else load(path)
    return objects


def load(file: Path) -> list[Manifest]:
    """The objects of one file."""
    return list(yaml.safe_load_all(file.read_text()))
