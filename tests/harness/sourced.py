"""A small module, and a Transform's ``cueRef``, for the tests of module sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.cue.remote.origin import ReadSecret


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
