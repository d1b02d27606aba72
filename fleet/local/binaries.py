"""Finds the programs of a control plane on this machine, or builds them into the cache.

An installation that is there wins: the folder in ``KUBEBUILDER_ASSETS``, then those on PATH. The Kubernetes
programs are always taken from one folder, because controllers newer than their API server are not supported.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.local import building, cache, programs, progress, toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from fleet.local.programs import Module

    Display = Callable[[], AbstractContextManager[Callable[[building.Progress], None]]]

_VERSION_TIMEOUT_S = 20
_OTHER_BUILD_TIMEOUT_S = 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The executables of a control plane."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    kwok: Path


def find() -> Binaries | None:
    """The programs, if all of them are there without building."""
    folders = {module.name: _installed(module) or _cached(module) for module in programs.MODULES}
    found = {name: folder for name, folder in folders.items() if folder is not None}
    return _binaries(found) if len(found) == len(folders) else None


def find_or_build(*, say: Callable[[str], None] = lambda _: None, display: Display = progress.shown) -> Binaries:
    """The programs, built into the cache where they are missing.

    ``say`` gets a sentence before a build starts, with how long it will take, and one if another process is at it.
    Raises ToolchainMissing and BuildFailed.
    """
    return _binaries({m.name: _installed(m) or _build(m, say=say, display=display) for m in programs.MODULES})


def _binaries(folders: dict[str, Path]) -> Binaries:
    kubernetes = folders[programs.KUBERNETES.name]
    return Binaries(
        etcd=folders[programs.ETCD.name] / "etcd",
        kube_apiserver=kubernetes / "kube-apiserver",
        kube_controller_manager=kubernetes / "kube-controller-manager",
        kube_scheduler=kubernetes / "kube-scheduler",
        kwok=folders[programs.KWOK.name] / "kwok",
    )


def _cache_folder(module: Module) -> Path:
    return cache.cache_dir() / "control-plane" / module.cache_key


def _cached(module: Module) -> Path | None:
    folder = _cache_folder(module)
    return folder if _complete(folder, module) else None


def _complete(folder: Path, module: Module) -> bool:
    return all(os.access(folder / program.name, os.X_OK) for program in module.programs)


def _build(module: Module, *, say: Callable[[str], None], display: Display) -> Path:
    """Build what is missing of ``module``, unless another process has just done so."""
    folder = _cache_folder(module)
    if _complete(folder, module):
        return folder
    lock = folder.parent / "build.lock"

    def waiting() -> None:
        say(f"another process is building the local control planes (it holds {lock}); waiting for it")

    with cache.locked(lock, timeout_s=_OTHER_BUILD_TIMEOUT_S, on_wait=waiting):
        missing = [p for p in module.programs if not os.access(folder / p.name, os.X_OK)]
        if missing:
            go = toolchain.find_go()
            say(
                f"building {', '.join(p.name for p in missing)} {module.version} from source, once: "
                f"about {module.cold_build_minutes:g} min on 2 cores with nothing cached; kept in {folder}"
            )
            with display() as report:
                for program in missing:
                    building.build(program, module=module, go=go, into=folder, report=report)
    return folder


def _installed(module: Module) -> Path | None:
    """The first folder of the machine that has every program of ``module`` in a version that will do."""
    for folder in _folders():
        if _complete(folder, module) and all(_usable(folder / p.name, module) for p in module.programs):
            return folder
    return None


def _folders() -> Iterable[Path]:
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        yield Path(assets)
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if entry:
            yield Path(entry)


def _usable(executable: Path, module: Module) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603 - the user put it on PATH
            [executable, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.search(r"(\d+)\.(\d+)\.\d+", answer.stdout)
    if found is None:
        return False
    return module.oldest <= (int(found[1]), int(found[2])) <= module.newest
