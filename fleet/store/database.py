"""The engine and its sessions.

SQLite has one writer at a time. Waiting for it in the file's lock is unfair and ends in "database is locked",
so writers of one process queue here instead: one write connection behind a fair lock, whose transactions are
BEGIN IMMEDIATE. Another process (a CLI beside the hub) is waited for by SQLite's busy timeout. Readers have
connections of their own, which WAL lets run beside the writer, and which refuse to write.

WAL with ``synchronous=NORMAL`` means: what is committed survives the death of the process at once, and the
death of the machine from the next checkpoint on. See docs/decisions/store-durability.md.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from fleet.store import urls
from fleet.store.bulk import BulkWriter
from fleet.store.errors import DatabaseBusy, mapped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection, Engine, Executable
    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 60.0
BUSY_TIMEOUT_S = 10.0
WRITE_TURN_TIMEOUT_S = 60.0
SQLITE_READERS = 4
POSTGRES_CONNECTIONS = 10


class Database:
    """Sessions on one database. Get one with ``async with Database.open(url) as database``."""

    def __init__(
        self,
        *,
        name: str,
        reader: AsyncEngine,
        writer: AsyncEngine,
        turn: asyncio.Lock | None,
        bulk: BulkWriter | None,
    ) -> None:
        self.name = name
        self._writer = writer
        self._bulk = bulk
        self.dialect = writer.dialect
        self._turn = turn
        self._read_sessions = async_sessionmaker(reader, expire_on_commit=False)
        self._write_sessions = async_sessionmaker(writer, expire_on_commit=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Database]:
        """A database whose connections are opened as they are needed, and closed at the end."""
        parsed = urls.parse(url)
        name = urls.described(parsed)
        if urls.is_sqlite(parsed):
            reader, writer = _sqlite_reader(parsed), sqlite_writer(parsed)
            turn, bulk = asyncio.Lock(), BulkWriter(_sqlite_bulk(parsed))
        else:
            writer, turn, bulk = postgres_engine(parsed), None, None
            reader = writer.execution_options(postgresql_readonly=True)
        try:
            yield cls(name=name, reader=reader, writer=writer, turn=turn, bulk=bulk)
        finally:
            if bulk is not None:
                await bulk.close()
            await reader.dispose()
            await writer.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database and cannot change it."""
        with mapped(self.name):
            async with self._read_sessions() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes are committed together at the end, or not at all.

        Keep it short and never wait for anything but the database inside: on SQLite everybody else waits.
        """
        async with self._its_turn():
            with mapped(self.name):
                async with self._write_sessions() as session, session.begin():
                    yield session

    async def write_rows(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute ``statement`` once for each of ``rows``, in a transaction of its own: the fastest way."""
        async with self._its_turn():
            with mapped(self.name):
                if self._bulk is not None:
                    await self._bulk.write(statement, rows)
                else:
                    async with self._writer.begin() as connection:
                        await connection.execute(statement, list(rows))

    async def ping(self) -> None:
        """Return if the database answers; raises DatabaseUnavailable otherwise."""
        async with self.reading() as session:
            await session.execute(_PINGS[self.dialect.name])

    def _its_turn(self) -> AbstractAsyncContextManager[object]:
        return _turn(self._turn, self.name) if self._turn else nullcontext()


@asynccontextmanager
async def _turn(lock: asyncio.Lock, name: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WRITE_TURN_TIMEOUT_S):
            await lock.acquire()
    except TimeoutError as error:
        raise DatabaseBusy(f"{name}: waited {WRITE_TURN_TIMEOUT_S:.0f} s for a turn to write") from error
    try:
        yield
    finally:
        lock.release()


def sqlite_writer(url: URL) -> AsyncEngine:
    """An engine with the only connection that writes; its transactions take the write lock at their start."""
    engine = _sqlite(url, connections=1, begin="BEGIN IMMEDIATE")
    event.listen(engine.sync_engine, "connect", _prepare_to_write)
    return engine


def _sqlite_bulk(url: URL) -> Engine:
    """A second connection that writes, which takes turns with the first."""
    engine = create_engine(url.set(drivername="sqlite"), pool_size=1, max_overflow=0, **_SQLITE, **_JSON)
    _begin_with(engine, "BEGIN IMMEDIATE")
    event.listen(engine, "connect", _prepare_to_write)
    return engine


def _sqlite_reader(url: URL) -> AsyncEngine:
    engine = _sqlite(url, connections=SQLITE_READERS, begin="BEGIN")
    event.listen(engine.sync_engine, "connect", _prepare_to_read)
    return engine


def _sqlite(url: URL, *, connections: int, begin: str) -> AsyncEngine:
    urls.check_folder(url)
    engine = create_async_engine(
        url, pool_size=connections, max_overflow=0, pool_timeout=WRITE_TURN_TIMEOUT_S, **_SQLITE, **_JSON
    )
    _begin_with(engine.sync_engine, begin)
    return engine


def _begin_with(engine: Engine, begin: str) -> None:
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", _begin)


def _prepare_to_write(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    _run(
        connection,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "PRAGMA foreign_keys=ON",
        # A checkpoint holds up the commit that it falls on by the time of two fsyncs; 16 MiB apart, few feel it.
        "PRAGMA wal_autocheckpoint=4000",
    )


def _prepare_to_read(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    _run(connection, "PRAGMA query_only=ON")


def _run(connection: DBAPIConnection, *statements: str) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def postgres_engine(url: URL, *, statement_timeout_s: float | None = STATEMENT_TIMEOUT_S) -> AsyncEngine:
    """An engine on PostgreSQL.

    asyncpg reads the URL itself, so that libpq's parameters (``sslmode``, ``sslrootcert``, several hosts)
    mean what they mean everywhere else.
    """
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return create_async_engine(
        url.set(query={}),
        pool_size=POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=WRITE_TURN_TIMEOUT_S,
        pool_pre_ping=True,  # a fail-over must not cost a request
        connect_args={
            "dsn": dsn,
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": statement_timeout_s,
            "server_settings": {"application_name": "pequod-fleet"},
        },
        **_JSON,
    )


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# SQLite answers SELECT 1 without having looked at its file.
_PINGS = {"sqlite": text("SELECT count(*) FROM sqlite_master"), "postgresql": text("SELECT 1")}
# With None the driver starts no transactions of its own, and ours begin as _begin_with says.
_SQLITE: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_S, "isolation_level": None}}
_JSON: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": msgspec.json.decode}
