from __future__ import annotations

from pathlib import Path

import pytest

from fleet.errors import Terminal
from fleet.settings import LogFormat, Settings, SettingsError, read


def test_what_nobody_says_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("FLEET_LISTEN", "the process's own environment is not looked at")

    settings = read({})

    assert settings.data_folder == Path("/home/me/.local/share/pequod-fleet")
    assert settings.database == "sqlite:////home/me/.local/share/pequod-fleet/fleet.db"
    assert settings.address == ("127.0.0.1", 8642)
    assert (settings.clusters, settings.log_format, settings.evaluators) == (
        Path("clusters"),
        LogFormat.TEXT,
        None,
    )


def test_options_go_over_the_environment() -> None:
    environment = {
        "FLEET_DATABASE_URL": "postgresql://db/fleet",
        "FLEET_EVALUATORS": "4",
        "FLEET_LOG_FORMAT": "json",
        "FLEET_CLUSTERS": "/from/environment",
        "FLEET_LISTEN": "",
        "HOME": "/ignored",
    }

    settings = read(environment, clusters=Path("/from/option"), listen=None, evaluators=None)

    assert settings.database == "postgresql://db/fleet"
    assert (settings.evaluators, settings.log_format) == (4, LogFormat.JSON)
    assert (settings.clusters, settings.listen) == (Path("/from/option"), "127.0.0.1:8642")


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert read({"FLEET_DATA_FOLDER": "~/fleet"}).data_folder == Path("/home/me/fleet")


@pytest.mark.parametrize(
    ("given", "folder"),
    [("/data", "/data/pequod-fleet"), ("relative", "/home/me/.local/share/pequod-fleet")],
)
def test_the_data_folder_of_the_desktop(given: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert read({"XDG_DATA_HOME": given}).data_folder == Path(folder)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FLEET_EVALUATORS", "many", "got 'many'"),
        ("FLEET_EVALUATORS", "0", ">= 1"),
        ("FLEET_LOG_FORMAT", "xml", "expected one of text, json, got 'xml'"),
        ("FLEET_LOG_LEVEL", "loud", "expected one of debug, info, warning, error, got 'loud'"),
        ("FLEET_DATA_FOLDER", "~nobody-here/fleet", "expected a path"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_variable(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read({variable: value})

    assert isinstance(caught.value, Terminal)
    assert variable in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("listen", "address"),
    [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:0", ("::1", 0)), ("localhost:65535", ("localhost", 65535))],  # noqa: S104
)
def test_addresses(listen: str, address: tuple[str, int]) -> None:
    assert Settings(listen=listen).address == address


@pytest.mark.parametrize("listen", ["", "8642", ":8642", "host:", "host:http", "host:65536", "host:²", "host:-1"])
def test_what_is_no_address(listen: str) -> None:
    with pytest.raises(SettingsError, match=r"FLEET_LISTEN.* is not host:port"):
        _ = Settings(listen=listen).address
