"""``fleet module`` with the real helper and a real registry: from the first file to what a hub renders."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from fleet.cue.authoring import folders
from fleet.cue.binary import helper_path
from fleet.cue.contract import InstanceMetadata, RenderInput
from fleet.cue.evaluator import Evaluator
from fleet.cue.remote.cache import ModuleCache
from fleet.cue.remote.fetching import Fetching
from tests.harness.ociregistry import Registry
from tests.harness.sourced import Ref, keys, publish_with_dependencies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from fleet.cue.contract import Rendered
    from fleet.cue.module import Module

    Fleet = Callable[..., Result]

# The first run builds the registry and the cue command.
pytestmark = pytest.mark.timeout(1500)

SPEC = "image: nginx:1.27\nport: 80\n"


@pytest.fixture(autouse=True)
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what the author is logged in to: nothing."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("DOCKER_CONFIG", "CUE_CONFIG_DIR", "CUE_CACHE_DIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("CUE_REGISTRY", raising=False)
    return home


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    with Registry(folder) as registry:
        yield registry


@pytest.fixture
def shop(fleet: Fleet, tmp_path: Path) -> Path:
    """A new module."""
    folder = tmp_path / "shop"
    assert fleet("module", "init", folder).exit_code == 0
    return folder


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def fetched(tmp_path: Path, ref: str) -> Module:
    """The module as a hub has it that knows nothing of its author."""
    fetching = Fetching(ModuleCache(tmp_path / "cache", limit_bytes=2**24), helper=helper_path(), look_every_s=60)
    return asyncio.run(fetching.resolve(Ref(type="oci", ref=ref), read_secret=keys({}))).module


def rendered(module: Module, **spec: object) -> Rendered:
    async def render() -> Rendered:
        async with Evaluator(size=1) as evaluator:
            metadata = InstanceMetadata(name="example", namespace="default")
            return await evaluator.render(module, RenderInput(metadata=metadata, spec=spec))

    return asyncio.run(render())


def test_from_the_first_file_to_the_hub(fleet: Fleet, registry: Registry, shop: Path, tmp_path: Path) -> None:
    vetted = fleet("module", "vet", shop)
    assert vetted.exit_code == 0, vetted.output
    digest = vetted.stdout.splitlines()[0].split()[-1]
    assert vetted.stdout.startswith("shop: a module of Shop, sha256:")
    assert "schema: exact" in vetted.stdout

    crd = yaml.safe_load(fleet("module", "schema", shop, "--group", "apps.acme.example").stdout)
    assert crd["metadata"]["name"] == "shops.apps.acme.example"
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert spec["properties"]["size"]["enum"] == ["small", "large"]

    (tmp_path / "spec.yaml").write_text(SPEC)
    printed = fleet("module", "render", shop, "-f", tmp_path / "spec.yaml")
    assert printed.exit_code == 0, printed.output
    assert [each["kind"] for each in yaml.safe_load_all(printed.stdout)] == ["Deployment", "Service"]

    tested = fleet("module", "test", shop)
    assert tested.exit_code == 0
    assert tested.stdout.endswith("\n3 passed\n")

    address = f"{registry.host}/team/example.com/shop"
    published = fleet("module", "publish", shop, f"{address}:v0.1.0")
    assert published.exit_code == 0, published.output
    assert "published example.com/shop@v0.1.0\n" in published.stdout
    shown = yaml.safe_load(published.stdout.partition("In a Transform:\n")[2])["cueRef"]
    assert shown["type"] == "oci"

    for ref in (shown["ref"], f"{address}:v0.1.0"):
        module = fetched(tmp_path, ref)
        assert module.digest == digest
        assert digest in published.stdout
        assert [node["id"] for node in rendered(module, image="nginx:1.27", port=80).nodes] == ["app", "service"]


def test_a_version_that_is_published_never_changes(fleet: Fleet, registry: Registry, shop: Path) -> None:
    ref = f"{registry.host}/example.com/shop:v0.1.0"
    first = fleet("module", "publish", shop, ref)

    again = fleet("module", "publish", shop, ref)
    assert again.exit_code == 0
    assert "example.com/shop@v0.1.0 is published already, with this very content" in again.stdout
    assert again.stdout.splitlines()[2:] == first.stdout.splitlines()[2:]

    (shop / "NOTES.md").write_text("Something else.\n")
    other = fleet("module", "publish", shop, ref)
    assert other.exit_code == 1
    assert other.stderr.startswith(f"error: {ref} is published already, with other content (sha256:")


def test_what_fails_is_not_published(fleet: Fleet, registry: Registry, shop: Path) -> None:
    ref = f"{registry.host}/example.com/shop:v0.1.0"
    change(shop / "render.cue", "input.spec.replicas\n", "input.spec.replicas + 1\n")
    failing = fleet("module", "publish", shop, ref)
    assert failing.exit_code == 1
    assert failing.stderr == "error: not published: 2 of 3 cases failed\n"
    assert "    -      replicas: 1\n    +      replicas: 2\n" in failing.stdout

    change(shop / "render.cue", '"app"\n\t\t\tobject:', '"app"\n\t\t\tobjekt:')
    broken = fleet("module", "publish", shop, ref)
    assert broken.exit_code == 1
    assert broken.stderr.startswith(f"ModuleError: the module does not load\n{shop}/render.cue:")

    change(shop / "render.cue", "objekt:", "object:")
    change(shop / "render.cue", "input.spec.replicas + 1\n", "input.spec.replicas\n")
    assert "published example.com/shop@v0.1.0\n" in fleet("module", "publish", shop, ref).stdout


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        (":v1.0.0", "the tag v1.0.0 cannot be a version of example.com/shop@v0"),
        (":latest", "write one such as v0.1.0"),
        ("", "names no version"),
        (f"@sha256:{'0' * 64}", "write the version to publish as a tag"),
    ],
)
def test_a_version_that_cannot_be(fleet: Fleet, shop: Path, tag: str, says: str) -> None:
    refused = fleet("module", "publish", shop, f"127.0.0.1:1/example.com/shop{tag}")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: ")
    assert says in refused.stderr


def test_a_module_without_a_name_is_not_published(fleet: Fleet, shop: Path) -> None:
    (shop / "cue.mod" / "module.cue").unlink()
    refused = fleet("module", "publish", shop, "127.0.0.1:1/example.com/shop:v0.1.0")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: the module has no cue.mod/module.cue, which says what it is called")


def test_a_registry_that_is_not_there(fleet: Fleet, shop: Path) -> None:
    refused = fleet("module", "publish", shop, "127.0.0.1:1/example.com/shop:v0.1.0")
    assert refused.exit_code == 1
    assert refused.stderr == "error: 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused\n"


def test_a_private_registry_wants_a_login(fleet: Fleet, shop: Path, author: Path, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    with Registry(folder, private=True) as registry:
        ref = f"{registry.host}/example.com/shop:v0.1.0"
        refused = fleet("module", "publish", shop, ref)
        assert refused.exit_code == 1
        assert refused.stderr.startswith(f"error: {registry.host}: access is refused (")
        assert "log in with `docker login`" in refused.stderr

        (author / "config.json").write_bytes(registry.docker_config())
        assert "published example.com/shop@v0.1.0\n" in fleet("module", "publish", shop, ref).stdout


def test_a_module_with_dependencies(
    fleet: Fleet, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_with_dependencies(registry, tmp_path)
    folder = tmp_path / "acme.example-web@v1" / "v1.0.0"
    monkeypatch.setenv("CUE_REGISTRY", f"{registry.host}+insecure")
    (tmp_path / "spec.yaml").write_text("name: you\n")

    assert fleet("module", "vet", folder).exit_code == 0
    assert "text: words 2, you" in fleet("module", "render", folder, "-f", tmp_path / "spec.yaml").stdout
    published = fleet("module", "publish", folder, f"{registry.host}/acme.example/web:v1.1.0")
    assert published.exit_code == 0, published.output
    assert "there are no cases to run\npublished acme.example/web@v1.1.0\n" in published.stdout

    module = fetched(tmp_path, f"{registry.host}/acme.example/web:v1.1.0")
    assert module == asyncio.run(folders.read(str(folder))).module
    assert f"  module    {module.digest}\n" in published.stdout

    elsewhere = fleet("module", "publish", folder, f"{registry.host}/mirror/acme.example/web:v1.1.0")
    assert elsewhere.exit_code == 1
    assert "publish it there first" in elsewhere.stderr
    monkeypatch.setenv("CUE_REGISTRY", "127.0.0.1:1+insecure")
    monkeypatch.setenv("CUE_CACHE_DIR", str(tmp_path / "empty"))
    away = fleet("module", "vet", folder)
    assert away.exit_code == 1
    assert away.stderr.startswith("error: dependency acme.example/")
    assert away.stderr.endswith("connect: connection refused\n")


def test_errors_of_the_module_have_a_place(fleet: Fleet, shop: Path) -> None:
    change(shop / "render.cue", 'kind:       "Deployment"', "kind:       5")
    vetted = fleet("module", "vet", shop)
    assert vetted.exit_code == 1
    assert vetted.stdout == ""
    first, second, *rest = vetted.stderr.splitlines()
    assert first == "ModuleError: the module does not load"
    assert second.startswith(f"{shop}/render.cue:{line_of(shop / 'render.cue', 'kind:       5')}:")
    assert ": node app: #Render.output.nodes[0].object.kind: conflicting values 5 and string" in second
    assert rest == ["    expected  string", "    found     5"]

    document = json.loads(fleet("module", "vet", shop, "-o", "json").stdout)
    assert (document["ok"], document["error"]) == (False, "ModuleError")
    assert document["problems"][0]["file"] == "render.cue"


def test_errors_of_a_module_file_have_a_place(fleet: Fleet, shop: Path) -> None:
    file = shop / "cue.mod" / "module.cue"
    file.write_text(f"{file.read_text()}deps: {{}}\nsauce: 1\n")
    assert fleet("module", "vet", shop).stderr == (
        f"ModuleError: the module file cannot be read\n{file}:7:1: sauce: field not allowed\n"
    )


@pytest.mark.parametrize("head", ["", "apiVersion: a/v1\nkind: Shop\nmetadata: {name: a}\nspec:\n"])
def test_errors_of_a_spec_are_where_it_was_written(fleet: Fleet, shop: Path, tmp_path: Path, head: str) -> None:
    file = tmp_path / "spec.yaml"
    indent = "  " if head else ""
    file.write_text(f"{head}{indent}image: nginx\n{indent}size: huge\n{indent}labels: {{a: b}}\n")
    refused = fleet("module", "render", shop, "-f", file)
    assert refused.exit_code == 1
    at, column = len(head.splitlines()), len(indent)
    schema = shop / "schema.cue"
    assert refused.stderr.splitlines() == [
        "InputError: the instance does not satisfy the module's input",
        f"{file}:{at + 3}:{column + 9}: spec.labels: unknown field: the module does not declare it",
        f"    declared  {schema}:{line_of(schema, '#Input: {')}:1",
        f'{file}:{at + 2}:{column + 7}: spec.size: must be "large" or "small", found "huge"',
        '    expected  "large" | "small"',
        '    found     "huge"',
        f"    declared  {schema}:{line_of(schema, 'size: ')}:2",
    ]


def test_a_graph_that_would_not_be_applied_is_printed_and_fails(fleet: Fleet, shop: Path, tmp_path: Path) -> None:
    change(shop / "render.cue", 'severity: "Warning"', 'severity: "Error"')
    (tmp_path / "spec.yaml").write_text("image: nginx\nsize: large\n")
    refused = fleet("module", "render", shop, "-f", tmp_path / "spec.yaml")
    assert refused.exit_code == 1
    assert yaml.safe_load(refused.stdout.partition("\n---\n")[0])["kind"] == "Deployment"
    assert refused.stderr.startswith("violation: spec.replicas: a large application")
    assert refused.stderr.endswith("\nthe graph would not be applied\n")


def test_the_resource_graph(fleet: Fleet, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    options = ("-f", tmp_path / "spec.yaml", "--name", "till", "--namespace", "team-a", "-o", "graph")
    graph = yaml.safe_load(fleet("module", "render", shop, *options).stdout)
    assert graph["kind"] == "ResourceGraph"
    assert graph["metadata"]["namespace"] == "team-a"
    assert graph["spec"]["sourceRef"]["name"] == "till"
    assert [node["id"] for node in graph["spec"]["nodes"]] == ["app", "service"]


def test_update_writes_graphs_and_never_turns_an_error(fleet: Fleet, shop: Path) -> None:
    change(shop / "render.cue", "input.spec.replicas\n", "input.spec.replicas + 1\n")
    change(shop / "schema.cue", '| "large"', '| "large" | "huge"')
    change(shop / "schema.cue", "\tlarge: {", '\thuge: {cpu: "8", memory: "8Gi"}\n\tlarge: {')
    (shop / "cases" / "new.yaml").write_text("# Mine.\nspec: {image: nginx}\n")

    plain = fleet("module", "test", shop)
    assert plain.exit_code == 1
    assert plain.stdout.endswith("4 failed\n")
    assert "failed  new: nothing is expected yet, and a graph came; --update writes it into" in plain.stdout

    updated = fleet("module", "test", shop, "--update")
    assert updated.exit_code == 1
    assert updated.stdout.endswith("3 written, 1 failed\n")
    assert "failed  unknown-size: a graph came instead" in updated.stdout
    text = (shop / "cases" / "new.yaml").read_text()
    assert text.startswith("# Mine.\nspec: {image: nginx}\n---\n# Written by")
    [given, expected] = yaml.safe_load_all(text)
    assert expected["nodes"][0]["object"]["spec"]["replicas"] == 2

    (shop / "cases" / "unknown-size.yaml").unlink()
    assert fleet("module", "test", shop).stdout.endswith("\n3 passed\n")
    assert given == {"spec": {"image": "nginx"}}


def test_files_that_cannot_be_written_are_told_in_a_line(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = fleet("module", "init", tmp_path / "file" / "shop")
    assert refused.exit_code == 1
    assert refused.stderr == f"error: {tmp_path}/file/shop: Not a directory\n"


def test_cases_by_name(fleet: Fleet, shop: Path) -> None:
    assert fleet("module", "test", shop, "-k", "size").stdout == "passed  unknown-size\n1 passed\n"
    none = fleet("module", "test", shop, "-k", "nothing")
    assert none.exit_code == 1
    assert none.stderr.startswith("error: there is no case with 'nothing' in its name in ")


def test_the_modules_that_come_with_the_fleet_pass_their_cases(fleet: Fleet) -> None:
    passed = fleet("module", "test", "embedded:webservice")
    assert passed.exit_code == 0, passed.output
    assert "failed" not in passed.stdout
    refused = fleet("module", "test", "embedded:webservice", "--update")
    assert refused.exit_code == 1
    assert "its cases are not for you to change" in refused.stderr


def test_where_the_schema_is_wider_is_listed(fleet: Fleet, shop: Path) -> None:
    change(shop / "schema.cue", "package shop\n", 'package shop\n\nimport "net"\n')
    change(shop / "schema.cue", "\tport?: int", "\taddress?: net.IPv4\n\n\tport?: int")
    vetted = fleet("module", "vet", shop)
    assert vetted.exit_code == 0, vetted.output
    _, summary, heading, row = vetted.stdout.splitlines()
    assert summary == "schema: wider than the module in 1 place; what it lets pass fails at rendering"
    assert heading.split() == ["PATH", "REASON"]
    assert row.startswith("spec.address  ")
    printed = fleet("module", "schema", shop)
    assert printed.stderr.startswith("wider than the module: spec.address: ")
    assert json.loads(fleet("module", "vet", shop, "-o", "json").stdout)["widenings"][0]["path"] == "spec.address"


def line_of(file: Path, text: str) -> int:
    """The line of the first place where ``file`` has ``text``."""
    return next(at for at, line in enumerate(file.read_text().splitlines(), 1) if text in line)
