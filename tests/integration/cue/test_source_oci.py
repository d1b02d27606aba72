"""Modules from a real registry, to which the official cue command published them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fleet.cue.binary import helper_path
from fleet.cue.contract import InstanceMetadata, RenderInput
from fleet.cue.errors import ModuleError
from fleet.cue.evaluator import Evaluator
from fleet.cue.remote import oneshot
from fleet.cue.remote.cache import ModuleCache
from fleet.cue.remote.fetching import Fetching
from fleet.cue.remote.origin import SourceUnavailable
from tests.harness import goprograms
from tests.harness.ociregistry import Registry
from tests.harness.sourced import WEB, Ref, keys, module, publish_with_dependencies, unread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet.cue.remote.origin import Resolved

# The first run builds the registry and the cue command.
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(_sub(tmp_path, "registry")) as registry:
        yield registry


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return fresh(tmp_path)


def fresh(tmp_path: Path) -> Fetching:
    """As a hub that has just started has it, with the cache of the one before."""
    cache = ModuleCache(tmp_path / "cache", limit_bytes=2**24)
    return Fetching(cache, helper=helper_path(), look_every_s=60)


async def resolve(fetching: Fetching, ref: str, *, known: Resolved | None = None) -> Resolved:
    return await fetching.resolve(Ref(type="oci", ref=ref), read_secret=keys({}), known=known)


async def test_a_published_module_by_tag_and_by_digest(
    registry: Registry, fetching: Fetching, tmp_path: Path
) -> None:
    registry.publish(WEB, "v1.2.0", {"web.cue": module("Hello"), "LICENSE": "free"}, folder=tmp_path)
    name = f"{registry.host}/acme.example/web"

    by_tag = await resolve(fetching, f"{name}:v1.2.0")
    by_digest = await resolve(fresh(tmp_path), f"oci://{name}@{by_tag.revision}")

    assert by_tag.revision.startswith("sha256:")
    assert by_tag.module.files.keys() == {"web.cue", "cue.mod/module.cue"}
    assert by_tag.module.files["web.cue"] == module("Hello")
    assert by_tag.origin == f"{name} at {by_tag.revision}"
    assert (by_tag.moves, by_digest.moves) == (True, False)
    assert by_digest.module == by_tag.module


async def test_a_tag_that_moves_is_noticed(registry: Registry, fetching: Fetching, tmp_path: Path) -> None:
    name = f"{registry.host}/acme.example/web"
    registry.publish(WEB, "v1.0.0", {"web.cue": module("Hello")}, folder=tmp_path)
    registry.publish(WEB, "v1.1.0", {"web.cue": module("Good day")}, folder=tmp_path)
    registry.retag("acme.example/web", "v1.0.0", "stable")
    before = await resolve(fetching, f"{name}:stable")
    same = await resolve(fetching, f"{name}:stable", known=before)

    registry.retag("acme.example/web", "v1.1.0", "stable")
    after = await resolve(fetching, f"{name}:stable", known=before)

    assert same is before
    assert before.module.files["web.cue"] == module("Hello")
    assert after.module.files["web.cue"] == module("Good day")


@pytest.mark.parametrize("prefix", ["", "some/modules"])
async def test_dependencies_come_from_the_same_registry_and_render(
    registry: Registry, fetching: Fetching, tmp_path: Path, prefix: str
) -> None:
    name = f"{registry.host}/{prefix}/acme.example/web".replace("//", "/")
    publish_with_dependencies(registry, tmp_path, prefix=prefix)

    resolved = await resolve(fetching, f"{name}:v1.0.0")

    async with Evaluator(size=1) as evaluator:
        schema = await evaluator.schema(resolved.module)
        metadata = InstanceMetadata(name="a", namespace="b")
        rendered = await evaluator.render(resolved.module, RenderInput(metadata=metadata, spec={"name": "you"}))
    assert schema.schema["properties"]["name"]["maxLength"] == 12
    assert rendered.nodes[0]["object"]["data"] == {"text": "words 2, you"}
    # of the version that was not selected there is the module file only, which the selection needs
    assert [name for name in resolved.module.files if "words@v0.1.0" in name] == [
        ".deps/acme.example/words@v0.1.0/cue.mod/module.cue"
    ]


async def test_a_dependency_that_is_missing_is_named(
    registry: Registry, fetching: Fetching, tmp_path: Path
) -> None:
    publish_with_dependencies(registry, tmp_path)
    for tag in ("v0.1.0", "v0.2.0"):
        registry.delete("acme.example/words", tag)

    with pytest.raises(
        ModuleError, match=r"dependency acme\.example/words@v0\.\d\.0, looked for at .*:v0\.\d\.0: "
    ):
        await resolve(fetching, f"{registry.host}/acme.example/web:v1.0.0")


async def test_a_private_registry_with_a_docker_configuration(tmp_path: Path, fetching: Fetching) -> None:
    with Registry(_sub(tmp_path, "registry"), private=True) as registry:
        publish_with_dependencies(registry, tmp_path)
        ref = Ref(type="oci", ref=f"{registry.host}/acme.example/web:v1.0.0")
        good = registry.docker_config()

        resolved = await fetching.resolve(ref, read_secret=keys({".dockerconfigjson": good}))

        assert "web.cue" in resolved.module.files
        wrong = json.dumps({"auths": {registry.host: {"username": "reader", "password": "wrong-one"}}}).encode()
        for secret in ({".dockerconfigjson": wrong}, {}):
            with pytest.raises(ModuleError, match=r"cueRef\.pullSecretRef: .*refuses access") as refused:
                await fetching.resolve(ref, read_secret=keys(secret))
            assert "wrong-one" not in str(refused.value)
        elsewhere = registry.docker_config("ghcr.io")
        with pytest.raises(ModuleError, match=r"no credentials for 127\.0\.0\.1:\d+; it has some for ghcr\.io"):
            await fetching.resolve(ref, read_secret=keys({".dockerconfigjson": elsewhere}))


async def test_what_is_not_there_is_named(registry: Registry, fetching: Fetching, tmp_path: Path) -> None:
    registry.publish(WEB, "v1.0.0", {"web.cue": module("Hello")}, folder=tmp_path)

    with pytest.raises(ModuleError, match=r"cueRef\.ref: .*/acme\.example/web:v9\.9\.9"):
        await resolve(fetching, f"{registry.host}/acme.example/web:v9.9.9")
    with pytest.raises(ModuleError, match=r"cueRef\.ref: .*/acme\.example/nothing:v1\.0\.0"):
        await resolve(fetching, f"{registry.host}/acme.example/nothing:v1.0.0")
    with pytest.raises(ModuleError, match=r"cueRef\.ref: .*@sha256:0{64}"):
        await resolve(fetching, f"{registry.host}/acme.example/web@sha256:{'0' * 64}")


async def test_what_is_no_module_is_refused(registry: Registry, fetching: Fetching) -> None:
    registry.put_empty_image("some/image", "latest")

    with pytest.raises(ModuleError, match="is no CUE module as `cue mod publish` pushes it"):
        await resolve(fetching, f"{registry.host}/some/image:latest")


async def test_a_registry_that_is_away_costs_a_pinned_digest_nothing(
    registry: Registry, fetching: Fetching, tmp_path: Path
) -> None:
    registry.publish(WEB, "v1.0.0", {"web.cue": module("Hello")}, folder=tmp_path)
    name = f"{registry.host}/acme.example/web"
    resolved = await resolve(fetching, f"{name}:v1.0.0")
    registry.stop()
    restarted = fresh(tmp_path)

    with pytest.raises(SourceUnavailable, match=rf"registry {registry.host}: .*refused"):
        await resolve(restarted, f"{name}:v1.0.0")
    assert await restarted.last(Ref(type="oci", ref=f"{name}:v1.0.0")) == resolved
    pinned = await restarted.resolve(Ref(type="oci", ref=f"{name}@{resolved.revision}"), read_secret=unread)
    assert pinned.module == resolved.module


async def test_a_zip_larger_than_the_limit_is_refused(
    registry: Registry, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.publish(WEB, "v1.0.0", {"web.cue": module("Hello"), "more.txt": "x" * 2**20}, folder=tmp_path)
    monkeypatch.setattr(oneshot, "MOST_FILE_BYTES", 2**19)

    with pytest.raises(ModuleError, match="larger than"):
        await resolve(fetching, f"{registry.host}/acme.example/web:v1.0.0")


async def test_credentials_are_not_sent_without_tls(fetching: Fetching) -> None:
    ref = Ref(type="oci", ref="registry.example.com+insecure/acme.example/web:v1")
    secret = json.dumps({"auths": {"registry.example.com": {"username": "a", "password": "b"}}}).encode()

    with pytest.raises(ModuleError, match="gets no credentials without TLS"):
        await fetching.resolve(ref, read_secret=keys({".dockerconfigjson": secret}))


def test_the_programs_of_these_tests_are_kept() -> None:
    assert goprograms.built("registry") == goprograms.built("registry")


def _sub(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made
