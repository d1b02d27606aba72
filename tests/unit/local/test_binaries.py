"""Where the programs come from: an installation on the machine, the cache, or a build."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from fleet.local import binaries, building, cache, programs, toolchain
from fleet.local.programs import ETCD, KUBERNETES, KWOK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fleet.local.programs import Module, Program

_VERSIONS = {ETCD: "etcd Version: 3.6.1", KUBERNETES: "Kubernetes v1.36.0", KWOK: "kwok version 0.8.0"}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing installed and an empty cache; gives the folder that is on PATH."""
    on_path = tmp_path / "bin"
    on_path.mkdir()
    monkeypatch.setenv("PATH", f"{on_path}{os.pathsep}/nonexistent")
    monkeypatch.setenv("FLEET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return on_path


def _install(module: Module, folder: Path, *, version: str | None = None, leave_out: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for program in module.programs:
        if program.name != leave_out:
            script = folder / program.name
            script.write_text(f"#!/bin/sh\necho {version or _VERSIONS[module]}\n")
            script.chmod(0o755)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of what was built; building writes an empty executable."""
    names: list[str] = []

    def build(program: Program, *, into: Path, **_: object) -> Path:
        into.mkdir(parents=True, exist_ok=True)
        (into / program.name).touch(mode=0o755)
        names.append(program.name)
        return into / program.name

    monkeypatch.setattr(building, "build", build)
    monkeypatch.setattr(toolchain, "find_go", lambda: tmp_path / "go")
    return names


@contextmanager
def _silent() -> Iterator[Callable[[building.Progress], None]]:
    yield lambda _: None


def test_without_an_installation_everything_is_built_once(built: list[str]) -> None:
    said: list[str] = []
    assert binaries.find() is None

    first = binaries.find_or_build(say=said.append, display=_silent)

    assert built == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]
    assert [sentence.split()[0] for sentence in said] == ["building"] * 3
    assert "min" in said[0]
    assert binaries.find() == first
    assert binaries.find_or_build(say=said.append, display=_silent) == first
    assert len(built) == 5


def test_an_interrupted_build_goes_on_where_it_was(built: list[str]) -> None:
    binaries.find_or_build(display=_silent)
    folder = cache.cache_dir() / "control-plane" / KUBERNETES.cache_key
    (folder / "kube-scheduler").unlink()
    built.clear()

    binaries.find_or_build(display=_silent)

    assert built == ["kube-scheduler"]


def test_programs_on_path_are_taken(machine: Path) -> None:
    for module in programs.MODULES:
        _install(module, machine)

    found = binaries.find()

    assert found is not None
    assert found.kube_scheduler == machine / "kube-scheduler"
    assert found.etcd == machine / "etcd"


def test_kubebuilder_assets_win_over_path(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in programs.MODULES:
        _install(module, machine)
    _install(ETCD, tmp_path / "assets")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    found = binaries.find()

    assert found is not None
    assert found.etcd == tmp_path / "assets" / "etcd"
    assert found.kube_apiserver == machine / "kube-apiserver"


def test_kubernetes_programs_of_different_places_are_never_mixed(machine: Path, built: list[str]) -> None:
    """KUBEBUILDER_ASSETS has no controllers, and ours may be newer than its API server supports."""
    _install(KUBERNETES, machine, leave_out="kube-controller-manager")

    found = binaries.find_or_build(display=_silent)

    assert "kube-apiserver" in built
    assert found.kube_apiserver.parent == found.kube_controller_manager.parent


@pytest.mark.parametrize("answer", ["Kubernetes v1.20.0", "Kubernetes v2.0.0", "no version here", "$(exit 1)"])
def test_a_version_that_will_not_do_is_passed_over(machine: Path, answer: str) -> None:
    for module in (ETCD, KWOK):
        _install(module, machine)
    _install(KUBERNETES, machine, version=answer)

    assert binaries.find() is None


def test_two_processes_do_not_build_at_once(built: list[str]) -> None:
    lock = cache.cache_dir() / "control-plane" / "build.lock"
    program = (
        "import fcntl, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "path.parent.mkdir(parents=True)\n"
        "file = open(path, 'a')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
        "for name in sys.argv[3:]:\n"
        "    pathlib.Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)\n"
        "    (pathlib.Path(sys.argv[2]) / name).touch(mode=0o755)\n"
    )
    folder = lock.parent / ETCD.cache_key
    said: list[str] = []
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program, str(lock), str(folder), "etcd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        stdin = other.stdin

        def say(sentence: str) -> None:
            said.append(sentence)
            if "another process" in sentence:
                stdin.close()  # the other one finishes its build, and lets go

        binaries.find_or_build(say=say, display=_silent)

    assert str(lock) in said[0]
    assert "etcd" not in built


def test_what_decides_a_build_names_its_place_in_the_cache() -> None:
    keys = {module.cache_key for module in programs.MODULES}

    assert len(keys) == len(programs.MODULES)
    assert all(module.version in module.cache_key for module in programs.MODULES)
    stamped = KUBERNETES.ldflags
    assert f"version.gitVersion={KUBERNETES.version}" in stamped
    assert "version.gitMinor=36" in stamped


@pytest.mark.parametrize("module", programs.MODULES, ids=lambda module: module.name)
def test_versions_are_those_that_the_module_pins(module: Module) -> None:
    go_mod = (module.folder / "go.mod").read_text()
    source = {"etcd": "go.etcd.io/etcd/server/v3", "kubernetes": "k8s.io/kubernetes", "kwok": "sigs.k8s.io/kwok"}

    assert f"{source[module.name]} {module.version}" in go_mod
    assert all(program.package in go_mod for program in module.programs)
    assert module.oldest <= _numbers(module.version) <= module.newest


def _numbers(version: str) -> tuple[int, int]:
    major, minor, _ = version.removeprefix("v").split(".")
    return int(major), int(minor)
