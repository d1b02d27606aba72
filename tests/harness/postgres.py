"""A real PostgreSQL server for the tests: an installed one, else the one in the ``pgserver`` package.

It refuses to run as root, so under root it runs as an unprivileged user, from a folder that this user can reach.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import asyncpg

from fleet.local import processes
from fleet.local.keeper import ROSTER, Keeper
from fleet.local.ports import HOST
from fleet.local.processes import Roster, StartFailed
from fleet.local.servers import Server

_PREFIX = "pequod-postgres-"
_SUPERUSER = "fleet"
_INITDB_TIMEOUT_S = 60
_START_DEADLINE_S = 30
_STOP_GRACE_S = 5
_ATTEMPTS = 5  # another program may take the port between our choosing it and PostgreSQL binding it
# Tests throw the data away, so nothing waits for the disk.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "UTC",
}


class Postgres:
    """A server on loopback that trusts its clients, with as many databases as tests want."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._roster = Roster(self._folder / ROSTER)
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self._folder.chmod(0o711)
        self._bin = find_bin(user=self._user, scratch=self._folder)
        self._numbers = itertools.count(1)
        self._keeper: Keeper | None = None
        self._server: Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create_database(self, *, template: str = "template1") -> str:
        """A new database, a copy of ``template``; gives its name."""
        name = f"test_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, and with it the connections that a test may have left open."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, database: str) -> str:
        """The URL of a database as SQLAlchemy takes it."""
        return f"postgresql+asyncpg://{_SUPERUSER}@{HOST}:{self.port}/{database}"

    def stop(self) -> None:
        """End the server and remove its data."""
        if self._server is not None:
            self._server.signal(signal.SIGINT)  # "fast": it does not wait for clients to leave
            processes.wait(self._server.alive(), timeout_s=_STOP_GRACE_S)
        processes.end_recorded(self._roster, grace_s=1)
        if self._server is not None:
            self._server.reap()
        if self._keeper is not None:
            self._keeper.release()
        shutil.rmtree(self._folder)

    def _start(self) -> None:
        self._roster.claim()
        self._keeper = Keeper(self._folder)
        home = self._folder / "home"
        home.mkdir(mode=0o700)
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(home, account.pw_uid, account.pw_gid)
        self._initdb(home / "data")
        for _ in range(_ATTEMPTS):
            self._server = self._prepare_server(home / "data")
            self._server.launch()
            trouble = self._wait_until_ready(self._server)
            if trouble is None:
                return
            if "in use" not in trouble:
                break
        raise AssertionError(f"PostgreSQL ({self._bin}) did not start: {trouble}")

    def _initdb(self, data: Path) -> None:
        options = [f"--pgdata={data}", f"--username={_SUPERUSER}", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [self._bin / "initdb", *options, "--no-sync"],
            capture_output=True,
            text=True,
            timeout=_INITDB_TIMEOUT_S,
            check=False,
            cwd=data.parent,
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
        )
        assert done.returncode == 0, f"{self._bin}/initdb failed:\n{done.stdout}{done.stderr}"

    def _prepare_server(self, data: Path) -> Server:
        self.port = _free_port()
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        return Server(
            "postgres",
            argv=(str(self._bin / "postgres"), "-D", str(data), "-p", str(self.port), *settings),
            log=self._folder / "postgres.log",
            roster=self._roster,
            stage=0,
            user=self._user,
        )

    def _wait_until_ready(self, server: Server) -> str | None:
        deadline = time.monotonic() + _START_DEADLINE_S
        while True:
            try:
                server.check()
                self._execute("SELECT 1")
            except StartFailed as exc:
                return str(exc)
            except (OSError, asyncpg.PostgresError) as exc:
                if time.monotonic() > deadline:
                    return f"not ready after {_START_DEADLINE_S} s: {exc!r}\n{processes.tail(server.log)}"
            else:
                return None
            time.sleep(0.02)

    def _execute(self, statement: str) -> None:
        """Run one statement, whatever event loop the calling thread may have."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, self._execute_async(statement)).result()

    async def _execute_async(self, statement: str) -> None:
        connection = await asyncpg.connect(
            host=HOST, port=self.port, user=_SUPERUSER, database="postgres", timeout=10, command_timeout=30
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def end_leftovers() -> None:
    """End the servers of runs that were killed together with their keepers, and remove their data."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{ROSTER}"):
        roster = Roster(path)
        if path.stat().st_uid == os.geteuid() and roster.orphaned():
            processes.end_recorded(roster, grace_s=1)
            shutil.rmtree(path.parent, ignore_errors=True)


def find_bin(*, user: str | None, scratch: Path) -> Path:
    """The folder with an ``initdb`` and a ``postgres`` that ``user`` (None: ourselves) may run.

    It is on PATH, where Debian keeps it, or in the package ``pgserver``. A package that the user cannot reach, in
    the home folder of root, is copied to ``scratch``.
    """
    for folder in _installed():
        if _has_server(folder) and _may_run(folder / "postgres", user=user):
            return folder
    package = importlib.util.find_spec("pgserver")
    if package is None or package.origin is None:
        raise AssertionError("there is no PostgreSQL: install the server, or `pip install pgserver`")
    return _packaged(Path(package.origin).parent, user=user, scratch=scratch)


def _installed() -> list[Path]:
    on_path = [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    return [*on_path, *debian]


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _has_server(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres"))


def _packaged(package: Path, *, user: str | None, scratch: Path) -> Path:
    """``pgserver``'s copy of the server; only its files are used, its own way of running them is not."""
    inside = Path("pginstall", "bin")
    if _may_run(package / inside / "postgres", user=user):
        return package / inside
    libraries = package.with_name(f"{package.name}.libs")  # the programs look for them beside the package
    for needed in (package, libraries):
        if needed.is_dir():
            shutil.copytree(needed, scratch / needed.name, symlinks=True)
    return scratch / package.name / inside


def _unprivileged_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise AssertionError(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as"
    )


def _may_run(executable: Path, *, user: str | None) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [executable, "--version"],
            capture_output=True,
            timeout=10,
            check=False,
            cwd="/",
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
