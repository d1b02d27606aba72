"""What a process is told from outside: environment variables ``FLEET_*``, read once, in one place.

Command-line options go over the environment; what neither says has a default that works on a laptop.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "FLEET_"


class SettingsError(Terminal):
    """A setting that cannot be used; the message names the variable."""


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


def _data_folder() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "pequod-fleet"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting. The environment variable of ``database_url`` is ``FLEET_DATABASE_URL``, and so on."""

    database_url: str = ""
    """``sqlite:///path`` or ``postgresql://…``; empty is SQLite in `data_folder`."""

    data_folder: Path = msgspec.field(default_factory=_data_folder)
    """Where the hub keeps what is its own."""

    clusters: Path = Path("clusters")
    """The folder of cluster files."""

    listen: str = "127.0.0.1:8642"
    """Where ``/healthz``, ``/readyz`` and ``/metrics`` are served, as host:port; port 0 takes a free one."""

    log_format: LogFormat = LogFormat.TEXT
    log_level: str = "info"

    evaluators: int | None = None
    """CUE helper processes; None takes one for each processor."""

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_folder / 'fleet.db'}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`. Raises SettingsError."""
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit():
            raise SettingsError(f"listen: {self.listen!r} is not host:port, such as 127.0.0.1:8642")
        return host.strip("[]"), int(port)


def read(environment: Mapping[str, str], **options: object) -> Settings:
    """Settings from an environment, with ``options`` (None: not given) over it. Raises SettingsError."""
    given: dict[str, object] = {
        field: environment[PREFIX + field.upper()]
        for field in Settings.__struct_fields__
        if environment.get(PREFIX + field.upper())
    }
    given |= {name: value for name, value in options.items() if value is not None}
    try:
        return msgspec.convert(given, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as exc:
        raise SettingsError(f"settings: {exc} (environment variables are named {PREFIX}…)") from exc


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError(kind)
