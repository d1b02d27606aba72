"""Every answer of an API server, and of what may stand before it, as a leaf of the error tree."""

from __future__ import annotations

import aiohttp
import msgspec
import pytest

from fleet.errors import Terminal, Transient
from fleet.ids import ClusterName
from fleet.kube import errors
from fleet.kube.errors import (
    AlreadyExists,
    ApplyConflict,
    ServerError,
    Status,
    TooLarge,
    Unreachable,
    error_of,
    mapped_decode_errors,
    mapped_transport_errors,
    parse_status,
)
from tests.unit.kube.scripted import status_of

BLUE = ClusterName("blue")


@pytest.mark.parametrize(
    ("code", "leaf", "again"),
    [
        (400, "Invalid", False),
        (401, "Unauthorized", True),
        (403, "Forbidden", False),
        (404, "NotFound", False),
        (405, "NotFound", False),
        (409, "Conflict", True),
        (410, "Expired", True),
        (413, "Invalid", False),
        (415, "Invalid", False),
        (422, "Invalid", False),
        (429, "Throttled", True),
        (302, "ServerError", True),
        (500, "ServerError", True),
        (503, "ServerError", True),
        (504, "ServerError", True),
    ],
)
def test_every_code_is_a_leaf(code: int, leaf: str, again: bool) -> None:
    error = error_of(Status(code=code, message="because"), code, doing="get x")

    assert type(error) is getattr(errors, leaf)
    assert isinstance(error, Transient if again else Terminal)
    assert str(error) == "get x: because"


def test_what_etcd_finds_too_large_is_not_tried_again_as_it_is() -> None:
    error = error_of(Status(code=500, message="etcdserver: request is too large"), 500, doing="apply x")

    assert type(error) is TooLarge
    assert "split it" in str(error)


def test_a_field_that_a_schema_lacks_is_not_tried_again_as_it_is() -> None:
    said = "failed to create typed patch object (/x; v1, Kind=X): .dta: field not declared in schema"

    assert type(error_of(Status(code=500, message=said), 500, doing="apply x")) is errors.Invalid


def test_a_create_of_what_exists_is_told_from_a_lost_race() -> None:
    error = error_of(Status(code=409, reason="AlreadyExists", message="it is there"), 409, doing="create x")

    assert type(error) is AlreadyExists


def test_an_apply_conflict_names_managers_and_fields() -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using apps/v1', "field": ".spec.a"},
        {"reason": "FieldManagerConflict", "message": "conflict with nobody", "field": ".spec.b"},
        {"reason": "Other", "message": "no", "field": ".spec.c"},
    ]
    body = msgspec.json.encode(status_of(409, "Conflict", "Apply failed", causes=causes))

    error = error_of(parse_status(body, 409), 409, doing="apply x")

    assert isinstance(error, ApplyConflict)
    assert error.conflicts == (("kubectl", ".spec.a"), ("conflict with nobody", ".spec.b"))


@pytest.mark.parametrize(
    ("header", "details", "expected"),
    [
        ("7", {}, 7.0),
        ("7", {"retryAfterSeconds": 3}, 7.0),
        (None, {"retryAfterSeconds": 3}, 3.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {}, None),
        ("inf", {}, None),
        ("nan", {}, None),
        ("-5", {}, None),
        (None, {}, None),
    ],
)
def test_retry_after_is_the_servers_word_and_nothing_else(
    header: str | None, details: dict[str, object], expected: float | None
) -> None:
    body = msgspec.json.encode(status_of(429, "TooManyRequests", "slow down", **details))

    error = error_of(parse_status(body, 429), 429, doing="get x", retry_after=header)

    assert isinstance(error, Transient)
    assert error.retry_after == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"upstream connect error", "get x: upstream connect error"),
        (b"", "get x: HTTP 502"),
        (b"<html><body>Bad Gateway" + b"!" * 500, "get x: HTTP 502, <html><body>Bad Gateway" + "!" * 57 + "…"),
        (b"\xff\xfe", "get x: \ufffd\ufffd"),
        (b'{"kind": "Status"}', "get x: HTTP 502"),
        (b"[]", "get x: []"),
    ],
)
def test_what_a_proxy_answers_becomes_a_readable_message(body: bytes, message: str) -> None:
    error = error_of(parse_status(body, 502), 502, doing="get x")

    assert type(error) is ServerError
    assert str(error) == message


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (TimeoutError(), "cluster blue: get x: no answer in time"),
        (aiohttp.ServerDisconnectedError(), "cluster blue: get x: Server disconnected"),
        (aiohttp.ClientPayloadError(), "cluster blue: get x: ClientPayloadError"),
        (ConnectionResetError("reset by peer"), "cluster blue: get x: reset by peer"),
        (aiohttp.http_exceptions.LineTooLong("x", 3), "cluster blue: get x:"),
    ],
)
def test_trouble_on_the_way_is_unreachable(raised: Exception, message: str) -> None:
    with pytest.raises(Unreachable) as caught, mapped_transport_errors(BLUE, "get x"):
        raise raised

    assert str(caught.value).startswith(message)
    assert caught.value.__cause__ is raised


def test_what_cannot_be_decoded_is_named_and_not_repeated() -> None:
    refused = pytest.raises(ServerError, match=r"cluster blue: list x: this is no answer")
    with refused as caught, mapped_decode_errors(BLUE, "list x"):
        msgspec.json.decode(b'{"data": {"password": "hunter2"}, "cut')

    assert "hunter2" not in str(caught.value)


def test_text_that_is_not_utf8_is_no_answer_either() -> None:
    with pytest.raises(ServerError), mapped_decode_errors(BLUE, "list x"):
        msgspec.json.decode(b'"\xff"')
