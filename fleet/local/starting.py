"""Brings several servers up at once, in one thread, so that an interrupt is felt at once.

A start is a generator that yields, as often as it is asked, a phrase for what it is waiting for.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING

from fleet.local.processes import StartFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def probe(port: int, path: str, *, ca: str | None, token: str | None = None) -> str | None:
    """Ask a server on loopback whether it is well: None if it is, else what it said.

    ``ca`` None is for plain HTTP.
    """
    connection: http.client.HTTPConnection
    if ca is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PROBE_TIMEOUT_S)
    else:
        context = ssl.create_default_context(cadata=ca)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_PROBE_TIMEOUT_S, context=context)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as exc:
        return f"{path} on port {port}: {exc!r}"
    finally:
        connection.close()
    return None if answer.status == http.client.OK else f"{path} on port {port} answered {answer.status}: {body}"
