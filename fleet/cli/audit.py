"""``fleet audit``: what the fleet did, read from SQL."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from fleet.audit import query
from fleet.audit.query import AuditQueryError, Filter, Order
from fleet.cli import databases, following, operations, options, printing, times, trail
from fleet.cli.operations import Form
from fleet.cli.tables import Columns

if TYPE_CHECKING:
    from fleet.cli.trail import Operation


@click.command(short_help="Show what the fleet did, where, when and why.")
@options.database
@click.option("--cluster", metavar="NAME", help="On this cluster.")
@click.option("--transform", metavar="NAME", help="On behalf of this Transform.")
@click.option("--instance", metavar="[KIND/]NAMESPACE/NAME", help="On behalf of this instance.")
@click.option("--node", metavar="ID", help="For this node of a graph.")
@click.option("--object", metavar="[KIND/[NAMESPACE/]]NAME", help="To this object.")
@click.option("--tag", metavar="TAG", help="A tag or its beginning, such as object:delete or cluster.")
@click.option("--since", type=times.Moment(), help="From then on: an age (10m, 2h) or an ISO time.")
@click.option("--until", type=times.Moment(), help="Up to then.")
@click.option("--failures", "failures_only", is_flag=True, help="Only what failed.")
@click.option("--all", "statuses", is_flag=True, help="Status updates as well.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("--newest/--oldest", default=True, help="Which end of the log comes first.  [default: newest]")
@click.option("-f", "--follow", is_flag=True, help="Then go on with what happens, until Ctrl-C.")
@options.output(Form)
def audit(
    *,
    database_url: str | None,
    statuses: bool,
    limit: int,
    newest: bool,
    follow: bool,
    output: str,
    **where: Any,  # noqa: ANN401 - the other options have the names and types of a Filter's fields
) -> None:
    """Show what the fleet did, where, when and why.

    One line is one write to a cluster, with how long it took and how it ended, or one decision. A write that
    began and has not ended is marked UNFINISHED: it is under way, or a crash cut it off. Times are UTC.
    """
    url = options.read(database_url=database_url).database
    if follow and where["until"]:
        raise click.UsageError("--follow goes on for ever, so it has no --until")
    looking = _Looking(where=Filter(**where), limit=limit, statuses=statuses, form=Form(output))
    try:
        if follow:
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(_follow(url, looking))
        else:
            asyncio.run(_show(url, looking, order=Order.NEWEST_FIRST if newest else Order.OLDEST_FIRST))
    except AuditQueryError as exc:
        raise click.UsageError(str(exc)) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    """What is looked for, and how it is told."""

    where: Filter
    limit: int
    statuses: bool
    form: Form


async def _show(url: str, looking: _Looking, *, order: Order) -> None:
    async with databases.reading(url) as database:
        found = await trail.read(
            database, where=looking.where, limit=looking.limit, order=order, statuses=looking.statuses
        )
    if looking.form is Form.JSON:
        printing.json([operations.document(each) for each in found])
    elif found:
        operations.show(Console(), found, form=looking.form, at=times.now())
    else:
        click.echo("The audit log has nothing that was asked for.", err=True)


async def _follow(url: str, looking: _Looking) -> None:
    """Tell the latest operations, then each one as it ends."""
    where, columns = looking.where, Columns()
    async with databases.reading(url) as database:
        newest = await query.query(database, limit=1)
        place = newest[0].id if newest else 0
        before = await trail.read(
            database,
            where=replace(where, before=place + 1),
            limit=looking.limit,
            order=Order.NEWEST_FIRST,
            statuses=looking.statuses,
        )
        for operation in before:
            columns.fit(operations.cells(operation, form=looking.form, at=times.now()))
        for operation in reversed(before):
            _tell(operation, columns, form=looking.form)
        where = replace(where, after=place, since=None)
        async for operation in following.follow(database, where=where, statuses=looking.statuses):
            _tell(operation, columns, form=looking.form)


def _tell(operation: Operation, columns: Columns, *, form: Form) -> None:
    if form is Form.JSON:
        printing.json_line(operations.document(operation))
    else:
        click.echo(columns.line(operations.cells(operation, form=form, at=times.now())))
