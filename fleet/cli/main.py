"""``fleet``: the commands, loaded when they are asked for, since a hub's libraries take a second to import."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from typing import Any

import click

from fleet.errors import FleetError

_COMMANDS = {
    "audit": "fleet.cli.audit:audit",
    "clusters": "fleet.cli.clusters:clusters",
    "db": "fleet.cli.db:db",
    "demo": "fleet.cli.demo:demo",
    "doctor": "fleet.cli.doctor:doctor",
    "hub": "fleet.cli.hub:hub",
    "local": "fleet.cli.local:local",
}


class _Commands(click.Group):
    """A group whose commands are imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except FleetError as exc:
            click.echo(f"{click.style('error:', fg='red')} {exc}", err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("pequod-fleet"), prog_name="fleet")
def main() -> None:
    """Pequod Fleet: write a platform once as a CUE module, run it on every cluster.

    Settings come from options and from environment variables named FLEET_…, such as FLEET_DATABASE_URL.
    """
