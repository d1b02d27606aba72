"""Modules that lie elsewhere: in a ConfigMap, a git repository, an OCI registry; changed, broken, gone."""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from fleet.cli import main
from tests.acceptance.conftest import Platform, clean, condition, start
from tests.harness.clusters import NAMES, ControlPlanes, View
from tests.harness.gitserver import PASSWORD, USER, GitServer
from tests.harness.hub import HubProcess
from tests.harness.ociregistry import Registry
from tests.harness.sourced import module
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet.local.localfleet import LocalFleet
    from tests.harness.clusters import Manifest

# The first run builds the registry and the cue command.
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def shared(local_fleet: LocalFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One hub for the tests of this file, which looks at sources every second."""
    folder = tmp_path_factory.mktemp("hub")
    database_url = f"sqlite:///{folder / 'fleet.db'}"
    hub, spoke_1, spoke_2 = (local_fleet[name] for name in NAMES)
    with View(hub.kubeconfig) as hub_view, View(spoke_1.kubeconfig) as one, View(spoke_2.kubeconfig) as two:
        shared = Platform(
            hub=HubProcess(folder, database_url=database_url, settings={"FLEET_LOOK_EVERY_S": "1"}),
            planes=ControlPlanes(hub=hub, spoke_1=spoke_1, spoke_2=spoke_2),
            hub_view=hub_view,
            views=(one, two),
            namespace="",
            transform="",
            group="",
        )
        start(shared)
        yield shared
        clean(shared)


@pytest.fixture
def platform(shared: Platform, namespace: str) -> Platform:
    """The shared hub, with a Transform, a group and a namespace of the test's own."""
    unique = uuid.uuid4().hex[:6]
    return replace(shared, namespace=namespace, transform=f"greeting-{unique}", group=f"t{unique}.example.com")


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    """A git server without repositories."""
    with GitServer(tmp_path) as server:
        yield server


def put_config_map(platform: Platform, text: str) -> None:
    """Write the one file of a module into a ConfigMap on the hub cluster."""
    platform.hub_view.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "greeting", "namespace": platform.namespace},
            "data": {"greeting.cue": text},
        }
    )


def put_secret(platform: Platform, data: dict[str, bytes]) -> dict[str, str]:
    """Write a Secret on the hub cluster, and give the reference to it."""
    name = {"name": "pull", "namespace": platform.namespace}
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    platform.hub_view.apply({"apiVersion": "v1", "kind": "Secret", "metadata": name, "data": encoded})
    return name


def greet(platform: Platform, name: str) -> None:
    """Apply an instance on the first spoke."""
    platform.views[0].apply(
        {
            "apiVersion": f"{platform.group}/v1alpha1",
            "kind": "Greeting",
            "metadata": {"name": name, "namespace": platform.namespace},
            "spec": {"name": name},
        }
    )


def until_it_says(platform: Platform, name: str, greeting: str) -> None:
    """Wait until what an instance was rendered to is this greeting."""
    until(
        lambda: platform.views[0].get("v1", "ConfigMap", name, namespace=platform.namespace),
        lambda live: live["data"]["text"] == f"{greeting}, {name}",
    )


def until_revision(platform: Platform, number: int) -> Manifest:
    """Wait until this revision is Ready everywhere, and give the Transform's status."""
    return until(
        platform.transform_status,
        lambda status: status["phase"] == "Ready" and status["revision"]["number"] == number,
    )


def until_told(platform: Platform, *words: str) -> Manifest:
    """Wait until the Transform says these words of its module, which did not load; give its status."""

    def told(status: Manifest) -> bool:
        loaded = condition(status, "ModuleLoaded")
        return loaded["status"] == "False" and all(each in loaded["message"] for each in words)

    return until(platform.transform_status, told)


def shown(platform: Platform) -> list[dict[str, Any]]:
    """The revisions that ``fleet transforms show`` tells, the latest first."""
    run = CliRunner().invoke(
        main,
        ["transforms", "show", platform.transform, "-o", "json", "--database", platform.hub.database_url],
        catch_exceptions=False,
    )
    revisions: list[dict[str, Any]] = json.loads(run.output)["revisions"]
    return revisions


def test_a_config_map_is_followed_and_its_last_good_revision_outlives_it(platform: Platform) -> None:
    put_config_map(platform, module("Hello"))
    platform.apply_transform(cueRef={"type": "configmap", "ref": f"{platform.namespace}/greeting"})
    greet(platform, "ann")
    until_it_says(platform, "ann", "Hello")

    put_config_map(platform, module("Good day"))
    until_it_says(platform, "ann", "Good day")
    good = until_revision(platform, 2)["revision"]

    put_config_map(platform, module("Good day").replace("#Input: {", "#Input: {{"))
    assert until_told(platform, "greeting.cue:15:3: expected '}'")["revision"] == good
    greet(platform, "ben")
    until_it_says(platform, "ben", "Good day")

    platform.hub_view.delete("v1", "ConfigMap", "greeting", namespace=platform.namespace)
    assert until_told(platform, "there is no ConfigMap", "revision 2 stays in force")["revision"] == good
    greet(platform, "cid")
    until_it_says(platform, "cid", "Good day")

    put_config_map(platform, module("Welcome back"))
    until_revision(platform, 3)
    until_it_says(platform, "ann", "Welcome back")


def test_a_git_branch_that_moves_is_a_new_revision(platform: Platform, git: GitServer) -> None:
    repository = git.repository("modules.git")
    first = repository.commit({"greeting/greeting.cue": module("Hello")})
    url = f"{git.https.url}/modules.git"
    authority = git.certificate.certificate.read_bytes()
    login = {"username": USER.encode(), "password": PASSWORD.encode(), "ca.crt": authority}
    secret = put_secret(platform, login)
    platform.apply_transform(
        cueRef={"type": "git", "ref": f"{url}?ref=main", "path": "greeting", "pullSecretRef": secret}
    )
    greet(platform, "ann")
    until_it_says(platform, "ann", "Hello")
    before = platform.transform_status()
    origin = f"{url} at {first}, folder greeting"
    assert condition(before, "ModuleLoaded")["message"].endswith(f" from {origin}")
    assert [each["origin"] for each in shown(platform)] == [origin]

    second = repository.commit({"greeting/greeting.cue": module("Good day")})

    after = until_revision(platform, 2)
    until_it_says(platform, "ann", "Good day")
    assert after["revision"]["moduleDigest"] != before["revision"]["moduleDigest"]
    assert second in condition(after, "ModuleLoaded")["message"]
    assert [each["origin"].split()[2].rstrip(",") for each in shown(platform)] == [second, first]
    assert PASSWORD not in platform.hub.log.read_text()


def test_a_tag_of_a_registry_that_moves_is_a_new_revision(platform: Platform, tmp_path: Path) -> None:
    with Registry(tmp_path) as registry:
        for version, greeting in (("v1.0.0", "Hello"), ("v1.1.0", "Good day")):
            files = {"greeting.cue": module(greeting)}
            registry.publish("acme.example/greeting@v1", version, files, folder=tmp_path)
        registry.retag("acme.example/greeting", "v1.0.0", "stable")
        ref = f"{registry.host}/acme.example/greeting:stable"
        platform.apply_transform(cueRef={"type": "oci", "ref": ref})
        greet(platform, "ann")
        until_it_says(platform, "ann", "Hello")

        registry.retag("acme.example/greeting", "v1.1.0", "stable")

        status = until_revision(platform, 2)
        until_it_says(platform, "ann", "Good day")
    later, earlier = (each["origin"] for each in shown(platform))
    assert later.startswith(f"{registry.host}/acme.example/greeting at sha256:")
    assert later != earlier
    assert later in condition(status, "ModuleLoaded")["message"]


def test_a_git_server_that_is_gone_leaves_the_last_good_revision_also_to_the_next_hub(
    platform: Platform, git: GitServer
) -> None:
    repository = git.repository("greeting.git")
    repository.commit({"greeting.cue": module("Hello")})
    url = f"{git.http.url}/greeting.git"
    platform.apply_transform(cueRef={"type": "git", "ref": url})

    git.http.stop()
    good = until_told(platform, url, "revision 1 stays in force")["revision"]
    greet(platform, "ann")
    until_it_says(platform, "ann", "Hello")

    platform.hub.stop()
    shutil.rmtree(platform.hub.data / "modules")  # SQL is enough
    platform.hub.start()
    greet(platform, "ben")
    until_it_says(platform, "ben", "Hello")
    assert until_told(platform, url, "revision 1 stays in force")["revision"] == good

    repository.commit({"greeting.cue": module("Good day")})
    git.http.start()
    until_revision(platform, 2)
    until_it_says(platform, "ben", "Good day")
