"""The wheel, built from what the Dockerfile copies and installed as users install it: no Go, no checkout.

The build and the installation ask the package index, as they do for users; pip's caches keep that to seconds.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
EXECUTABLE = 0o111

pytestmark = pytest.mark.timeout(900)


def environment(**variables: str) -> Mapping[str, str]:
    """An environment whose PATH has no Go and nothing of this project's, whatever the machine has."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("FLEET_", "VIRTUAL_ENV"))}
    return kept | {"PATH": "/usr/bin:/bin"} | variables


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command to its end and give what it printed. Fails the test with all of it where the command fails."""
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{shlex.join(map(str, command))}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in isolation from the files that the image is built from."""
    sources, wheels = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheels")
    dockerfile = (ROOT / "Dockerfile").read_text().splitlines()
    for line in dockerfile:
        if line.startswith("COPY") and "--from" not in line:
            for name in line.split()[1:-1]:
                copy(ROOT / name, sources / name)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, ".", cwd=sources)
    (built,) = wheels.glob("*.whl")
    return built


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, without what is built."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("_bin", "__pycache__", "difftest"))
    else:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands of a fresh virtual environment that the wheel is installed in."""
    folder = tmp_path_factory.mktemp("installation")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder / "bin"


def test_the_wheel_has_what_a_hub_needs_and_nothing_to_build_it_with(wheel: Path) -> None:
    assert wheel.name.startswith(f"pequod_fleet-{VERSION}-py3-none-linux_"), (
        "the helper is a binary for one platform"
    )
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        helper = archive.getinfo("fleet/cue/_bin/fleet-cue")
    assert helper.external_attr >> 16 & EXECUTABLE == EXECUTABLE
    assert {
        "fleet/py.typed",
        "fleet/config/crd/transforms.yaml",
        "fleet/config/samples/webservice.yaml",
        "fleet/cue/modules/webservice/webservice.cue",
        "fleet/local/modules/kubernetes/go.mod",
        "fleet/local/kwok.yaml",
        "fleet/migrations/env.py",
        f"pequod_fleet-{VERSION}.dist-info/licenses/LICENSE",
    } <= names
    assert any(name.startswith("fleet/migrations/versions/") for name in names)
    assert not [name for name in names if name.startswith(("fleet/cue/engine", "tests", "benchmarks"))]


def test_it_runs_without_go_and_without_the_checkout(installation: Path, tmp_path: Path) -> None:
    assert run(installation / "fleet", "--version", cwd=tmp_path) == f"fleet, version {VERSION}\n"
    clusters = tmp_path / "clusters"
    clusters.mkdir()
    database = tmp_path / "fleet.db"
    url = f"sqlite:///{database}"
    run(installation / "fleet", "db", "upgrade", cwd=tmp_path, FLEET_DATABASE_URL=url)
    with sqlite3.connect(database) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"alembic_version", "audit_log", "clusters"} <= tables

    doctor = run(installation / "fleet", "doctor", "-o", "json", cwd=tmp_path, FLEET_DATABASE_URL=url)
    verdicts = {each["subject"]: each["verdict"] for each in json.loads(doctor)["checks"]}
    assert verdicts["CUE helper"] == "ok", doctor
    assert verdicts["database"] == "ok", doctor
    (packages,) = installation.parent.glob("lib/python*/site-packages")
    assert str(packages) in doctor, "the helper is the installation's own"
