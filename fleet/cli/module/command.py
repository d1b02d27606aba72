"""The group of commands."""

from typing import Any

import click

from fleet.cli.module.init import init
from fleet.cli.module.publish import publish
from fleet.cli.module.render import render
from fleet.cli.module.schema import schema
from fleet.cli.module.test import test
from fleet.cli.module.vet import vet
from fleet.errors import Terminal


class _Group(click.Group):
    """Files that cannot be read or written are the user's matter, and told in a line."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # who reads the output went away
        except OSError as exc:
            raise Terminal(f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc)) from exc


@click.group(cls=_Group, short_help="Write, check, try, test and publish modules.")
def module() -> None:
    """Write, check, try, test and publish modules. Needs no hub and no cluster.

    DIR is the module's folder, by default this one. The modules that come with the fleet are called embedded:NAME.
    """


for command in (init, vet, schema, render, test, publish):
    module.add_command(command)
