"""What the project says of itself in several files is the same in all of them."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fleet import settings
from fleet.cli.main import main
from fleet.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
LOADED_BY_URL = {"aiosqlite", "asyncpg"}  # SQLAlchemy imports the driver that the database's URL names


def distribution(requirement: str) -> str:
    """The name that a requirement begins with, as PyPI normalizes it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return normalized(name.group())


def normalized(name: str) -> str:
    """A distribution's name in the one spelling that compares (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """The top-level packages that the product imports, its own and the standard library's left out."""
    found = set()
    for file in (ROOT / "fleet").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - {"fleet"} - set(sys.stdlib_module_names)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    known = packages_distributions()
    used = {normalized(name) for package in imported() for name in known[package]}
    assert used | LOADED_BY_URL == {distribution(each) for each in PROJECT["dependencies"]}


def test_every_dependency_is_explained() -> None:
    told = (ROOT / "docs" / "decisions" / "dependencies.md").read_text()
    extras = [each for extra in PROJECT["optional-dependencies"].values() for each in extra]
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for requirement in (*PROJECT["dependencies"], *extras, *build):
        name = re.split(r"[\[<>=;]", requirement)[0].strip()
        assert name == PROJECT["name"] or f"`{name}`" in told, f"docs/decisions/dependencies.md lacks {name}"


# --- Dockerfile -------------------------------------------------------------------------------------------------


def instructions() -> Iterator[tuple[str, str]]:
    """The instructions of the Dockerfile."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


def copied_by_docker() -> list[str]:
    """What the build stage copies out of the checkout."""
    sources = []
    for name, rest in instructions():
        words = shlex.split(rest)
        if name == "COPY" and not words[0].startswith("--from"):
            sources += words[:-1]
    return sources


def test_the_image_is_built_from_files_that_exist_and_are_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == set(copied_by_docker())
    assert all((ROOT / name).exists() for name in kept)


def test_the_image_runs_a_hub_as_nobody_special_with_settings_that_exist() -> None:
    found = dict(instructions())
    assert found["USER"].split(":")[0].isdigit(), "Kubernetes proves runAsNonRoot by number only"
    assert int(found["USER"].split(":")[0]) > 0
    assert found["ENTRYPOINT"] == '["fleet"]'
    assert found["CMD"] == '["hub"]'
    environment = dict(word.split("=", 1) for word in shlex.split(found["ENV"]))
    told = {name: text for name, text in environment.items() if name.startswith(settings.PREFIX)}
    assert settings.read(told).address == ("0.0.0.0", int(found["EXPOSE"]))  # noqa: S104 - of a container
    assert set(told) <= {settings.PREFIX + field.upper() for field in Settings.__struct_fields__}
    assert f":{found['EXPOSE']}/healthz" in found["HEALTHCHECK"]


# --- config/ ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    """The spec of the hub's pod."""
    deployment = yaml.safe_load((ROOT / "config" / "default" / "deployment.yaml").read_text())
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def test_the_deployment_runs_this_version_with_commands_that_exist(pod: dict[str, Any]) -> None:
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["image"] == f"pequod-fleet:{VERSION}"
        command: Any = main
        for word in container["args"]:
            command = command.get_command(None, word)
            assert command is not None, f"there is no `fleet {' '.join(container['args'])}`"


def test_the_deployment_sets_what_there_is_to_set(pod: dict[str, Any]) -> None:
    (hub,) = pod["containers"]
    environment = {each["name"]: each.get("value", "postgresql://db/fleet") for each in hub["env"]}
    assert set(environment) <= {settings.PREFIX + field.upper() for field in Settings.__struct_fields__}
    told = settings.read(environment)
    assert told.address[1] == hub["ports"][0]["containerPort"]
    mounts = {mount["mountPath"] for mount in hub["volumeMounts"]}
    assert str(told.clusters) in mounts


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()
