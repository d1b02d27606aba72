"""``fleet hub``: run a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli import options
from fleet.hub import logs
from fleet.hub import run as hub_run
from fleet.settings import LogFormat, LogLevel

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.database
@options.clusters
@click.option("--listen", metavar="HOST:PORT", help="Health and metrics.  [default: 127.0.0.1:8642]")
@click.option(
    "--log-format",
    type=click.Choice([each.value for each in LogFormat]),
    help="How log lines look.  [default: text]",
)
@click.option(
    "--log-level",
    type=click.Choice([each.value for each in LogLevel]),
    help="What is logged.  [default: info]",
)
def hub(
    database_url: str | None,
    clusters: Path | None,
    listen: str | None,
    log_format: str | None,
    log_level: str | None,
) -> None:
    """Run a hub until SIGTERM or Ctrl-C.

    Without any option it reads ./clusters and keeps its memory in SQLite.
    """
    settings = options.read(
        database_url=database_url, clusters=clusters, listen=listen, log_format=log_format, log_level=log_level
    )
    logs.configure(settings.log_format, settings.log_level)
    hub_run.run(settings)
