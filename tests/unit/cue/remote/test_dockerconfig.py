"""Credentials for registries, out of Secrets."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fleet.cue.errors import ModuleError
from fleet.cue.remote import dockerconfig, ociref

REF = ociref.parse("ghcr.io/acme/team/web:v1")


def secret(auths: Any) -> dict[str, bytes]:  # noqa: ANN401 - also what is none
    return {dockerconfig.KEY: json.dumps({"auths": auths, "credsStore": "desktop"}).encode()}


def test_without_a_secret_or_with_an_authority_alone_nobody_logs_in() -> None:
    for data in ({}, {"ca.crt": b"x"}):
        found = dockerconfig.credentials(REF, data)
        assert (found.username, found.password, found.token) == ("", "", "")


@pytest.mark.parametrize(
    "entry",
    [
        {"username": "me", "password": "a:b"},
        {"auth": base64.b64encode(b"me:a:b").decode()},
        {"auth": base64.b64encode(b"me:a:b").decode(), "username": "other", "email": "me@example.com"},
    ],
)
def test_a_user_and_a_password(entry: dict[str, str]) -> None:
    found = dockerconfig.credentials(REF, secret({"ghcr.io": entry}))

    assert (found.username, found.password) == ("me", "a:b")


def test_an_identity_token() -> None:
    assert dockerconfig.credentials(REF, secret({"ghcr.io": {"identitytoken": "it"}})).token == "it"


@pytest.mark.parametrize(
    ("entries", "chosen"),
    [
        (["ghcr.io", "ghcr.io/acme", "ghcr.io/acme/team", "ghcr.io/acme/team/web/more"], "ghcr.io/acme/team"),
        (["ghcr.io/acme/te", "ghcr.io"], "ghcr.io"),
        (["https://ghcr.io/v2/", "docker.io"], "https://ghcr.io/v2/"),
        (["ghcr.io/acme/team/web", "ghcr.io/acme/team"], "ghcr.io/acme/team/web"),
    ],
)
def test_the_longest_entry_above_the_repository_is_taken(entries: list[str], chosen: str) -> None:
    found = dockerconfig.credentials(REF, secret({name: {"username": name, "password": "p"} for name in entries}))

    assert found.username == chosen


@pytest.mark.parametrize("name", ["ghcr.io:443", "ghcr.io.example.com", "ghcr.io/acme/web", "cr.io"])
def test_credentials_of_another_registry_are_not_sent(name: str) -> None:
    with pytest.raises(ModuleError, match=r"has no credentials for ghcr\.io; it has some for "):
        dockerconfig.credentials(REF, secret({name: {"username": "me", "password": "hunter2"}}))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"password": b"hunter2"}, r"has the key \.dockerconfigjson .* it has password"),
        ({dockerconfig.KEY: b"hunter2"}, "is not the configuration of a Docker client"),
        (secret("hunter2"), "is not the configuration of a Docker client"),
        (secret({"ghcr.io": {"password": ["hunter2"]}}), "is not the configuration of a Docker client"),
        (secret({"ghcr.io": {"auth": "hunter2!"}}), "is not base64 of user:password"),
        (secret({}), "it has some for no registry"),
    ],
)
def test_what_is_refused_repeats_no_secret(data: dict[str, bytes], told: str) -> None:
    with pytest.raises(ModuleError, match=rf"^cueRef\.pullSecretRef: .*{told}") as refused:
        dockerconfig.credentials(REF, data)

    assert "hunter2" not in str(refused.value)


def test_credentials_do_not_show_themselves() -> None:
    assert "hunter2" not in repr(dockerconfig.Credentials(username="me", password="hunter2"))
