"""The list of commands, which is shown without importing any of them."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from fleet.cli import main
from fleet.cli.main import _COMMANDS
from fleet.errors import Terminal


@pytest.fixture
def context() -> click.Context:
    return click.Context(main)


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_the_list_says_what_each_command_says_of_itself(name: str, context: click.Context) -> None:
    command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=200).startswith(_COMMANDS[name].summary.removesuffix("."))


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "-h"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {name}")


def test_listing_the_commands_imports_none_of_them() -> None:
    program = (
        "import sys; from fleet.cli import main; main(['--help'], standalone_mode=False);"
        "heavy = {'sqlalchemy', 'kubernetes', 'pykube', 'rich'} & sys.modules.keys(); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, stdout=subprocess.DEVNULL)  # noqa: S603


def test_an_unknown_command_is_named() -> None:
    result = CliRunner().invoke(main, ["adit"])
    assert result.exit_code == 2
    assert "No such command 'adit'" in result.output


def test_an_error_of_the_fleet_is_one_line_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise Terminal("clusters/a.yaml:3:5: name: must not be empty")

    monkeypatch.setattr(type(main), "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["audit"])
    assert result.exit_code == 1
    assert result.output == "error: clusters/a.yaml:3:5: name: must not be empty\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            NotADirectoryError(20, "Not a directory", "/dev/null/fleet.json"),
            "/dev/null/fleet.json: Not a directory",
        ),
        (OSError("no more sockets"), "no more sockets"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    error: OSError, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(type(main), "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["audit"])
    assert (result.exit_code, result.output) == (1, f"error: {told}\n")


def test_an_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def waiting() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(main), "get_command", lambda *_: waiting)
    result = CliRunner().invoke(main, ["audit"])
    assert (result.exit_code, result.output) == (130, "\n")


@pytest.mark.parametrize(("no_color", "told"), [("", "\x1b[31merror:\x1b[0m no\n"), ("1", "error: no\n")])
def test_nobody_gets_colours_who_wants_none(no_color: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise Terminal("no")

    monkeypatch.setattr(type(main), "get_command", lambda *_: failing)
    result = CliRunner(env={"NO_COLOR": no_color}).invoke(main, ["audit"], color=True)
    assert result.output == told


def test_who_stops_reading_is_told_nothing() -> None:
    command = [sys.executable, "-m", "fleet.cli", "roles"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.startswith("fleet, version ")
