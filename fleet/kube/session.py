"""A connection as an HTTP session: credentials from ``kubernetes.aio``, transport from aiohttp.

Its request path decodes into models, which costs ten times the bytes that we need, so requests go straight
through aiohttp.

Credentials end: tokens expire, certificates and servers change in place. So the connection is read again before an
exec plugin's credential expires, after a 401, and, less often, while the server cannot be reached. A new token is
used from the next request on. Other certificates need other connections: what is under way ends on those that it
began with, since aiohttp, when it closes a session, never wakes who reads from it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import structlog

from fleet.errors import FleetError
from fleet.kube import credentials

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

    from fleet.kube.connection import ConnectionRef
    from fleet.kube.credentials import Credentials, SecretReader

log = structlog.get_logger(__name__)

RENEWAL_PAUSE_S = 5.0
"""At most one reading in this time: a credential that stays refused must not run its exec plugin in a loop."""

LOST_PAUSE_S = 60.0
"""How often the connection of a server that cannot be reached is read again: it may have moved."""

EXPIRY_MARGIN_S = 30.0

KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""A peer that vanished without a word (a lost route, a forgotten NAT entry) is noticed within a minute."""

READ_BUFFER_BYTES = 1 << 18


class Session:
    """An open HTTP session to one API server. Get one from `open_session`."""

    def __init__(self, ref: ConnectionRef, read_secret: SecretReader) -> None:
        self.trouble: FleetError | None = None
        """Why the connection could not be read again, the last time that was tried."""
        self._ref = ref
        self._read_secret = read_secret
        self._renewing = asyncio.Lock()
        self._renewed_at = float("-inf")
        self._refused = False
        self._lost = False
        self._credentials: Credentials | None = None
        self._proxy: str | None = None
        self._transport: _Transport | None = None

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's, which tells phases apart
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request, and give the response for as long as the block lasts. Redirects are not followed."""
        if self._due():
            async with self._renewing:
                if self._due():
                    await self._try_to_renew()
        if self._transport is None or self._credentials is None:
            raise RuntimeError("the session is not open")
        read = self._credentials
        async with self._transport as http:  # before anything is awaited: from here on it stays open
            sent = dict(headers or {})
            if authorization := await read.authorization():
                sent["Authorization"] = authorization
            async with http.request(
                method,
                read.configuration.host + path,
                params=params,
                data=body,
                headers=sent,
                timeout=timeout,
                allow_redirects=False,
                proxy=self._proxy,
                server_hostname=read.configuration.tls_server_name,
            ) as response:
                try:
                    yield response
                finally:
                    if (unread := response.connection) is not None and unread.transport is not None:
                        unread.transport.abort()  # a farewell to a stream would be waited for, by nobody

    def refused(self) -> None:
        """The server answered 401: read the credential again before the next request."""
        self._refused = True

    def lost(self) -> None:
        """The server cannot be reached, or not be trusted: it may have moved, or have a new certificate."""
        self._lost = True

    async def renew(self) -> None:
        """Read the connection again. Raises ConnectionConfigError where it cannot be used."""
        known = self._credentials.plugin if self._credentials else None
        if known is not None and (self._refused or known.expires_within(EXPIRY_MARGIN_S)):
            known = None
        fresh = await credentials.read(self._ref, read_secret=self._read_secret, known=known)
        fingerprint = await asyncio.to_thread(credentials.tls_fingerprint, fresh)
        if self._transport is None or self._transport.fingerprint != fingerprint:
            tls = await asyncio.to_thread(credentials.tls_context, fresh)
            old, self._transport = self._transport, _Transport(tls, fingerprint)
            if old is not None:
                await old.retire()
        self._proxy = fresh.configuration.proxy or _proxy_of_environment(fresh.configuration.host)
        self._credentials, self._refused, self._lost, self.trouble = fresh, False, False, None
        self._renewed_at = time.monotonic()

    async def close(self) -> None:
        """Close every connection. Nothing may be under way."""
        if self._transport is not None:
            await self._transport.retire()
            self._transport = None

    def _due(self) -> bool:
        age_s = time.monotonic() - self._renewed_at
        if age_s <= RENEWAL_PAUSE_S:
            return False
        if self._refused or (self._lost and age_s > LOST_PAUSE_S):
            return True
        plugin = self._credentials.plugin if self._credentials else None
        return plugin is not None and plugin.expires_within(EXPIRY_MARGIN_S)

    async def _try_to_renew(self) -> None:
        """What was read before may still do; if not, the server says so, and `trouble` says the rest."""
        try:
            await self.renew()
        except FleetError as exc:
            self.trouble = exc
            self._renewed_at = time.monotonic()
            log.warning("the connection cannot be read again", error=str(exc))


def _proxy_of_environment(host: str) -> str | None:
    """The proxy that ``HTTPS_PROXY`` and ``NO_PROXY`` give for a server; aiohttp would ask for each request."""
    url = urlsplit(host)
    if url.hostname is None or proxy_bypass(url.hostname):
        return None
    return getproxies().get(url.scheme)


class _Transport:
    """One HTTP session. Each request holds it as a context; once retired, the last one to leave closes it."""

    def __init__(self, tls: ssl.SSLContext, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=60, socket_factory=_new_socket),
            read_bufsize=READ_BUFFER_BYTES,
        )
        self._requests = 0
        self._retired = False

    async def __aenter__(self) -> aiohttp.ClientSession:
        self._requests += 1
        return self._http

    async def __aexit__(self, *_: object) -> None:
        self._requests -= 1
        await self._close_if_done()

    async def retire(self) -> None:
        """No request will come any more."""
        self._retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._retired and not self._requests:
            await self._http.close()
            await asyncio.sleep(0)  # the event loop closes the sockets of aborted connections at its next turn


def _new_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol = address[:3]
    new = socket.socket(family, kind, protocol)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        if hasattr(socket, option):  # not on every operating system
            new.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return new


@asynccontextmanager
async def open_session(ref: ConnectionRef, *, read_secret: SecretReader) -> AsyncIterator[Session]:
    """Read the connection and keep a session open for the block; nothing is sent yet.

    ``read_secret`` reads a Secret of the hub cluster: the kubeconfig's bytes.
    """
    session = Session(ref, read_secret)
    try:
        await session.renew()
        yield session
    finally:
        await session.close()
