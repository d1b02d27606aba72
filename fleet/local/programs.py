"""What a local control plane is made of, and the Go modules that it is built from.

A module's folder under ``modules/`` holds the ``go.mod`` and ``go.sum`` which pin every line of source.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path

_SOURCES = Path(__file__).parent / "modules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One executable: its name, and the Go package that it is built from."""

    name: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A Go module with the programs that are taken from it, always all from one place.

    ``oldest`` and ``newest`` bound the versions of an installation found on the machine that will do as well.
    """

    name: str
    version: str
    oldest: tuple[int, int]
    newest: tuple[int, int]
    programs: tuple[Program, ...]
    ldflags: str = "-s -w"
    cold_build_minutes: float

    @property
    def folder(self) -> Path:
        """Where the module's go.mod and go.sum are."""
        return _SOURCES / self.name

    @property
    def cache_key(self) -> str:
        """Names everything that decides what the build gives."""
        recipe = hashlib.sha256()
        for part in (self.folder / "go.mod", self.folder / "go.sum"):
            recipe.update(part.read_bytes())
        recipe.update(self.ldflags.encode())
        machine = f"{platform.system()}-{platform.machine()}".lower()
        return f"{self.name}-{self.version}-{machine}-{recipe.hexdigest()[:12]}"


def _stamp(version: str) -> str:
    """Linker flags that tell the Kubernetes programs their version; clients cannot parse the default one."""
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


_KUBERNETES_VERSION = "v1.36.3"

KUBERNETES = Module(
    name="kubernetes",
    version=_KUBERNETES_VERSION,
    oldest=(1, 34),
    newest=(1, 37),
    programs=(
        Program(name="kube-apiserver", package="k8s.io/kubernetes/cmd/kube-apiserver"),
        Program(name="kube-controller-manager", package="k8s.io/kubernetes/cmd/kube-controller-manager"),
        Program(name="kube-scheduler", package="k8s.io/kubernetes/cmd/kube-scheduler"),
    ),
    ldflags=f"-s -w {_stamp(_KUBERNETES_VERSION)}",
    cold_build_minutes=5,
)

ETCD = Module(
    name="etcd",
    version="v3.7.3",
    oldest=(3, 5),
    newest=(3, 7),
    programs=(Program(name="etcd", package="go.etcd.io/etcd/server/v3"),),
    cold_build_minutes=1,
)

# Stands in for the kubelets: it gives pods the status that a kubelet would.
KWOK = Module(
    name="kwok",
    version="v0.8.0",
    oldest=(0, 7),
    newest=(0, 8),
    programs=(Program(name="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),),
    cold_build_minutes=1,
)

MODULES = (ETCD, KUBERNETES, KWOK)
