"""The databases that the fixtures give are real, empty and separate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from fleet.local.processes import Roster
from tests.harness import postgres
from tests.harness.waiting import until

if TYPE_CHECKING:
    from tests.harness.postgres import Postgres


async def _run(url: str, *statements: str) -> list[object]:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements[:-1]:
                await connection.execute(sa.text(statement))
            return list(await connection.scalars(sa.text(statements[-1])))
    finally:
        await engine.dispose()


async def test_a_database_takes_statements(database_url: str) -> None:
    rows = await _run(database_url, "CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (1)", "SELECT n FROM t")

    assert rows == [1]


async def test_postgres_databases_are_separate(postgres_url: str, postgres_server: Postgres) -> None:
    await _run(postgres_url, "CREATE TABLE only_here (n INTEGER)", "SELECT 1")
    copy = postgres_server.create_database(template=postgres_url.rpartition("/")[2])
    empty = postgres_server.create_database()

    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert await _run(postgres_server.url(copy), tables) == ["only_here"]
    assert await _run(postgres_server.url(empty), tables) == []
    for name in (copy, empty):
        postgres_server.drop_database(name)


@pytest.mark.parametrize("reachable", [True, False])
def test_the_packaged_server_does_where_none_is_installed(
    monkeypatch: pytest.MonkeyPatch, *, reachable: bool
) -> None:
    monkeypatch.setattr(postgres, "_installed", list)
    if not reachable:
        monkeypatch.setattr(postgres, "_may_run", lambda *_, **__: False)

    with postgres.Postgres() as server:
        server.create_database()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as another user")
def test_any_unprivileged_user_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_unprivileged_user", lambda: "nobody")

    with postgres.Postgres() as server:
        server.create_database()


def test_a_killed_run_leaves_no_server_behind() -> None:
    """The keeper ends the server at once; the next run removes the data."""
    program = (
        "import os, signal, sys\n"
        "from tests.harness.postgres import Postgres\n"
        "server = Postgres().__enter__()\n"
        "print(server._folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": "/tmp"},  # noqa: S108
    )
    assert done.returncode == -9, done.stderr
    folder = Path(done.stdout.strip())

    until(lambda: Roster(folder / "processes.json").entries(), lambda left: not left)
    assert folder.exists()
    postgres.end_leftovers()
    assert not folder.exists()
