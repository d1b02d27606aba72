"""What a process is told from outside: environment variables ``FLEET_*``, read once, in one place.

Command-line options go over the environment; what neither says has a default that works on a laptop.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "FLEET_"
MAX_PORT = 65535


class SettingsError(Terminal):
    """A setting that cannot be used; the message names the variable."""


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on events are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting. The environment variable of ``database_url`` is ``FLEET_DATABASE_URL``, and so on."""

    database_url: str = ""
    """``sqlite:///path`` or ``postgresql://…``; empty is SQLite in `data_folder`."""

    data_folder: Path = msgspec.field(default_factory=lambda: _data_folder(""))
    """Where the hub keeps what is its own; by default in ``XDG_DATA_HOME``."""

    clusters: Path = Path("clusters")
    """The folder of cluster files."""

    listen: str = "127.0.0.1:8642"
    """Where ``/healthz``, ``/readyz`` and ``/metrics`` are served, as host:port; port 0 takes a free one."""

    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.INFO

    evaluators: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """CUE helper processes; None takes one for each processor."""

    look_every_s: Annotated[float, msgspec.Meta(ge=1)] = 60.0
    """How often, in seconds, to look whether a git branch or tag, or a tag of a registry, has moved."""

    module_cache_mib: Annotated[int, msgspec.Meta(ge=1)] = 256
    """How much of the modules that were fetched to keep in ``modules`` of `data_folder`."""

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_folder / 'fleet.db'}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`. Raises SettingsError."""
        host, _, port = self.listen.rpartition(":")
        if not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > MAX_PORT:
            raise SettingsError(
                f"listen ({PREFIX}LISTEN): {self.listen!r} is not host:port, such as 127.0.0.1:8642"
            )
        return host.strip("[]"), int(port)


_CHOICES: dict[str, type[StrEnum]] = {"log_format": LogFormat, "log_level": LogLevel}


def read(environment: Mapping[str, str], **options: object) -> Settings:
    """Settings from an environment, with ``options`` (None: not given) over it. Raises SettingsError."""
    given: dict[str, object] = {
        field: environment[PREFIX + field.upper()]
        for field in Settings.__struct_fields__
        if environment.get(PREFIX + field.upper())
    }
    given |= {name: value for name, value in options.items() if value is not None}
    given.setdefault("data_folder", _data_folder(environment.get("XDG_DATA_HOME", "")))
    try:
        return msgspec.convert(given, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as exc:
        what, _, field = str(exc).partition(" - at `$.")
        field = field.rstrip("`")
        if choices := _CHOICES.get(field):
            what = f"expected one of {', '.join(choices)}"
        raise SettingsError(f"{field} ({PREFIX}{field.upper()}): {what}, got {given.get(field)!r}") from exc


def _data_folder(base: str) -> Path:
    # The XDG specification has a relative path ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "pequod-fleet"


def _path(kind: type, value: object) -> object:
    if kind is Path:
        try:
            return Path(str(value)).expanduser()
        except RuntimeError as exc:  # there is no user of the name behind the tilde
            raise ValueError(f"expected a path: {exc}") from exc
    raise NotImplementedError(kind)
