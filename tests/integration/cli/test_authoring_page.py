"""What docs/authoring.md shows is what happens: its files are written, and its commands run in their order."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.ociregistry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

# The first run builds the registry.
pytestmark = pytest.mark.timeout(1500)

PAGE = Path(__file__).parents[3] / "docs" / "authoring.md"
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REGISTRY = "ghcr.io/acme"


def shown(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output that it is shown with."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def alike(output: str, page: str) -> bool:
    """Whether the page shows this output; … stands for what it leaves out."""
    return re.fullmatch(".*".join(map(re.escape, page.split("…"))), output, re.DOTALL) is not None


def test_the_page_is_true(fleet: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, served = tmp_path / "work", tmp_path / "registry"
    work.mkdir()
    served.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    ran = 0
    with Registry(served) as registry:
        for kind, block in BLOCK.findall(PAGE.read_text()):
            if kind == "yaml":
                Path(block.partition("\n")[0].removeprefix("# ")).write_text(block)
                continue
            for command, page in shown(block):
                words = shlex.split(command.replace(REGISTRY, registry.host))
                if words[0] == "fleet":
                    output = fleet(*words[1:]).output.replace(registry.host, REGISTRY)
                    assert alike(output.rstrip(), page.rstrip()), f"{command}\n{output}"
                    ran += 1
                else:
                    subprocess.run(words, check=True)  # noqa: S603 - the page's own sed
    assert ran == PAGE.read_text().count("\n$ fleet ")
