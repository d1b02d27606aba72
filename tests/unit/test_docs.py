"""What the documentation shows is there: commands with their options, targets, samples, files behind links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from fleet.cli.main import main
from fleet.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for folder in (".", "docs", "docs/decisions", "clusters") for page in (ROOT / folder).glob("*.md")
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:fleet|make) [^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
END_OF_COMMAND = {"|", "||", "&", "&&", ";", ">", "<", "#"}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def commands(text: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of ``program`` in shell blocks and in code between the words.

    In a console block only what follows a prompt is a command; the rest is what came of it.
    """
    lines = [
        line
        for kind, block in BLOCK.findall(text)
        for line in block.splitlines()
        if kind == "sh" or (kind == "console" and line.startswith("$ "))
    ]
    for line in (*lines, *INLINE.findall(text)):
        words = shlex.split(re.sub(r"[\[\]…]", "", line.removeprefix("$ ")), comments=True)
        if words[:1] == [program]:
            end = next((at for at, word in enumerate(words) if word in END_OF_COMMAND), len(words))
            yield words[1:end]


def samples(text: str) -> Iterator[object]:
    """The manifests in YAML blocks."""
    for kind, block in BLOCK.findall(text):
        if kind == "yaml" and block.startswith("apiVersion:"):
            yield yaml.safe_load(block)


def understood(words: list[str]) -> bool:
    """Whether ``fleet`` has this command with these options."""
    command: click.Command = main
    context = click.Context(main, **main.context_settings)  # whose names of --help the commands take over
    while isinstance(command, click.Group) and words:
        if words[0].startswith("-"):
            break
        found = command.get_command(context, words[0])
        if found is None:
            return False
        command, words = found, words[1:]
    try:
        command.make_parser(click.Context(command, parent=context)).parse_args(list(words))
    except click.UsageError:
        return False
    return True


@pages
def test_every_command_shown_is_one(page: Path) -> None:
    unknown = [words for words in commands(page.read_text(), "fleet") if not understood(words)]
    assert unknown == []


@pages
def test_every_target_shown_is_one(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {words[0] for words in commands(page.read_text(), "make") if words}
    assert shown <= targets


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = BLOCK.sub("", page.read_text())
    broken = [target for target in LINK.findall(prose) if not (page.parent / target.split()[0]).exists()]
    assert broken == []


def test_the_readme_shows_the_samples_as_they_are() -> None:
    shipped = [
        yaml.safe_load(file.read_text())
        for file in (ROOT / "config" / "samples").glob("webservice*.yaml")
        if "rbac" not in file.name
    ]
    shown = list(samples((ROOT / "README.md").read_text()))
    assert len(shown) == len(shipped)
    assert all(each in shipped for each in shown)


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    written = {page.name for page in (ROOT / "docs" / "decisions").glob("*.md")} - {"README.md"}
    assert {name for name in written if f"({name})" not in index} == set()


def test_every_setting_is_in_the_table() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    assert [field for field in Settings.__struct_fields__ if f"`{PREFIX}{field.upper()}`" not in operations] == []


def test_every_metric_is_in_the_table() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    sources = "\n".join(file.read_text() for file in (ROOT / "fleet").rglob("*.py"))
    defined = re.findall(r"(?:Counter|Gauge|Histogram|Summary)\(\s*\"(fleet_\w+)\"", sources)
    assert defined
    assert [name for name in defined if not re.search(rf"`{name}(_total)?`", operations)] == []
