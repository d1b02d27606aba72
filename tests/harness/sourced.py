"""A small module, and a Transform's ``cueRef``, for the tests of module sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.cue.remote.origin import ReadSecret
    from tests.harness.ociregistry import Registry

WEB = "acme.example/web@v1"
LIBRARY = "acme.example/library@v0"
TITLES = "acme.example/titles@v0"
WORDS = "acme.example/words@v0"


@dataclass(frozen=True, kw_only=True)
class SecretName:
    name: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class Ref:
    type: str
    ref: str
    path: str = ""
    pull_secret_ref: SecretName | None = None


def module(greeting: str, *, head: str = "package greeting") -> str:
    """A module whose one node says ``greeting``."""
    return f"""{head}
#Meta: kind: "Greeting"
#Input: {{name: string}}
#Render: {{
	input: {{metadata: {{name: string, namespace: string}}, spec: #Input}}
	output: nodes: [{{
		id: "text"
		object: {{
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: {{name: input.metadata.name, namespace: input.metadata.namespace}}
			data: text: "{greeting}, \\(input.spec.name)"
		}}
	}}]
}}
"""


def keys(values: dict[str, bytes]) -> ReadSecret:
    """Gives a pull secret of these keys."""

    async def read() -> dict[str, bytes]:
        return values

    return read


async def unread() -> dict[str, bytes]:
    """A pull secret that nobody may ask for."""
    raise AssertionError("the Secret was read")


def publish_with_dependencies(registry: Registry, folder: Path, *, prefix: str = "") -> None:
    """The module web needs titles and library, which need words v0.1.0 and v0.2.0: the higher one is it."""

    def publish(module: str, version: str, files: dict[str, str], **dependencies: str) -> None:
        listed = "".join(f'"acme.example/{name}@v0": v: "{it}"\n' for name, it in dependencies.items())
        head = f'module: "{module}"\nlanguage: version: "v0.17.0"\nsource: kind: "self"\ndeps: {{\n{listed}}}\n'
        registry.publish(module, version, {"cue.mod/module.cue": head, **files}, folder=folder, prefix=prefix)

    uses_words = '\nimport "acme.example/words@v0"\nWord: words.Word\n'
    for minor in (1, 2):
        publish(WORDS, f"v0.{minor}.0", {"words.cue": f'package words\nWord: "words {minor}"\n'})
    publish(TITLES, "v0.1.0", {"titles.cue": f"package titles{uses_words}"}, words="v0.1.0")
    name = f'package name\nimport "strings"{uses_words}#Name: strings.MaxRunes(12)\n'
    publish(LIBRARY, "v0.2.0", {"name/name.cue": name}, words="v0.2.0")

    head = (
        'package web\nimport "acme.example/library/name@v0"\nimport "acme.example/titles@v0"\n_title: titles.Word'
    )
    web = module("\\(_title)", head=head).replace("{name: string}\n", "{name: _name}\n_name: name.#Name\n")
    publish(WEB, "v1.0.0", {"web.cue": web}, library="v0.2.0", titles="v0.1.0", words="v0.2.0")
