"""The group of commands."""

import click

from fleet.cli.module.init import init
from fleet.cli.module.publish import publish
from fleet.cli.module.render import render
from fleet.cli.module.schema import schema
from fleet.cli.module.test import test
from fleet.cli.module.vet import vet


@click.group(short_help="Write, check, try, test and publish modules.")
def module() -> None:
    """Write, check, try, test and publish modules. Needs no hub and no cluster.

    DIR is the module's folder, by default this one. The modules that come with the fleet are called embedded:NAME.
    """


for command in (init, vet, schema, render, test, publish):
    module.add_command(command)
