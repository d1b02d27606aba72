from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from fleet.cli.module import options


@click.command
@options.optional_where
@click.argument("ref")
def command(where: str, ref: str) -> None:
    click.echo(f"{where} {ref}")


@pytest.mark.parametrize(("given", "read"), [(["r"], ". r\n"), (["d", "r"], "d r\n")])
def test_the_folder_may_be_left_out(given: list[str], read: str) -> None:
    assert CliRunner().invoke(command, given).output == read


def test_there_is_one_folder() -> None:
    refused = CliRunner().invoke(command, ["a", "b", "r"])
    assert refused.exit_code == 2
    assert "expected one folder, found a b" in refused.output
