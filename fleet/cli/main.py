"""``fleet``: the commands, loaded when they are asked for, since a hub's libraries take a second to import."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, NamedTuple, NoReturn

import click

from fleet.errors import FleetError


class _Lazy(NamedTuple):
    """Where a command is, and its line in ``fleet --help``, so that listing imports none of them."""

    place: str
    summary: str


_COMMANDS = {
    "apply": _Lazy("fleet.cli.objects:apply", "Apply manifests to one cluster."),
    "audit": _Lazy("fleet.cli.audit:audit", "Show what the fleet did, where, when and why."),
    "clusters": _Lazy("fleet.cli.clusters:clusters", "Show the clusters of the fleet."),
    "db": _Lazy("fleet.cli.db:db", "Bring the database to this version's tables."),
    "delete": _Lazy("fleet.cli.objects:delete", "Delete an object on one cluster."),
    "demo": _Lazy("fleet.cli.demo.command:demo", "Watch a fleet at work, on real clusters on this machine."),
    "doctor": _Lazy("fleet.cli.doctor:doctor", "Check that everything is in place, and say what to do."),
    "get": _Lazy("fleet.cli.objects:get", "Show objects of one cluster."),
    "hub": _Lazy("fleet.cli.hub:hub", "Run a hub until SIGTERM or Ctrl-C."),
    "local": _Lazy("fleet.cli.local:local", "Real control planes on loopback, for development."),
    "module": _Lazy("fleet.cli.module.command:module", "Write, check, try, test and publish modules."),
    "roles": _Lazy("fleet.cli.roles:roles", "Print the ClusterRoles that the hub needs on a spoke."),
    "transforms": _Lazy("fleet.cli.transforms:transforms", "Show the Transforms and how far they are rolled out."),
    "why": _Lazy("fleet.cli.why:why", "Say why an instance is not ready."),
}


_INTERRUPTED = 128 + signal.SIGINT


class _Commands(click.Group):
    """A group whose commands are imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in sorted(_COMMANDS.items())])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except FleetError as exc:
            _fail(str(exc))
        except KeyboardInterrupt:
            click.echo(err=True)  # the shell's prompt begins a line of its own, after the ^C
            sys.exit(_INTERRUPTED)
        except BrokenPipeError:
            raise  # who reads the output went away; click ends quietly
        except OSError as exc:
            _fail(f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc))


def _fail(why: str) -> NoReturn:
    click.echo(f"{click.style('error:', fg='red')} {why}", err=True)
    sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pequod-fleet", prog_name="fleet")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Pequod Fleet: write a platform once as a CUE module, run it on every cluster.

    Settings come from options and from environment variables named FLEET_…, such as FLEET_DATABASE_URL.
    """
    if os.environ.get("NO_COLOR"):  # https://no-color.org; rich knows it by itself
        ctx.color = False
