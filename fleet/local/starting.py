"""Brings several servers up at once, in one thread, so that an interrupt is felt at once.

A start is a generator that yields, as often as it is asked, a phrase for what it is waiting for.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING

from fleet.local.ports import HOST
from fleet.local.processes import StartFailed

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_PAUSE_S = 0.02
_PROBE_TIMEOUT_S = 2.0


def run_together(starts: Mapping[str, Iterator[str]], *, deadline_s: float) -> None:
    """Advance every start until all are done; raises StartFailed that says what the slowest waits for."""
    deadline = time.monotonic() + deadline_s
    waiting_for = dict.fromkeys(starts, "its turn")
    pending = dict(starts)
    while pending:
        for name, start in list(pending.items()):
            try:
                waiting_for[name] = next(start)
            except StopIteration:
                del pending[name]
        if pending and time.monotonic() > deadline:
            reasons = "\n".join(
                f"{name} is not up after {deadline_s:g} s: {waiting_for[name]}" for name in pending
            )
            raise StartFailed(reasons)
        if pending:
            time.sleep(_PAUSE_S)


def listens(port: int) -> str | None:
    """None if a server on loopback accepts connections, else the reason why not."""
    try:
        socket.create_connection((HOST, port), timeout=_PROBE_TIMEOUT_S).close()
    except OSError as exc:
        return f"port {port}: {exc!r}"
    return None


def probe(port: int, path: str, *, ca: str, token: str | None = None) -> str | None:
    """Ask a server on loopback whether it is well: None if it is, else what it said."""
    return _ask(port, "GET", path, ca=ca, token=token, content=(http.client.OK,))


def create(port: int, path: str, *, body: object, ca: str, token: str) -> str | None:
    """Create an object, unless it is there: None if it is now, else what the API server said."""
    content = (http.client.CREATED, http.client.CONFLICT)
    return _ask(port, "POST", path, body=json.dumps(body), ca=ca, token=token, content=content)


def _ask(
    port: int,
    method: str,
    path: str,
    *,
    ca: str,
    token: str | None,
    content: Container[int],
    body: str | None = None,
) -> str | None:
    context = ssl.create_default_context(cadata=ca)
    connection = http.client.HTTPSConnection(HOST, port, timeout=_PROBE_TIMEOUT_S, context=context)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, body=body, headers={"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as exc:
        return f"{path} on port {port}: {exc!r}"
    finally:
        connection.close()
    return None if answer.status in content else f"{path} on port {port} answered {answer.status}: {said}"
