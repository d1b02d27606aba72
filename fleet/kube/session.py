"""A connection as an HTTP session: credentials from ``kubernetes.aio``, transport from aiohttp.

``kubernetes.aio`` reads kubeconfigs, runs exec plugins, refreshes OIDC and in-cluster tokens and builds the TLS
context. Its request path decodes into models, which costs ten times the bytes that we need, so requests go
straight through aiohttp.

Credentials end: tokens expire and certificates are rotated in place. After a 401 the next request reads the
connection again and replaces the session; what was under way on the old one fails as `Unreachable`, which every
caller tries again.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config, load_kube_config_from_dict

from fleet.kube.connection import ConnectionRef, InCluster, KubeconfigRef
from fleet.kube.errors import ConnectionConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fleet.kube.connection import SecretRef

    SecretReader = Callable[[SecretRef], Awaitable[bytes]]

RENEWAL_PAUSE_S = 5.0
"""At most one renewal in this time: a credential that stays refused must not run its exec plugin in a loop."""

READ_BUFFER_BYTES = 1 << 21
"""One watch event is one line, and an object may have 1.5 MiB (etcd's limit)."""


class Session:
    """An open HTTP session to one API server. Get one from `open_session`."""

    def __init__(self, ref: ConnectionRef, read_secret: SecretReader) -> None:
        self._ref = ref
        self._read_secret = read_secret
        self._renewing = asyncio.Lock()
        self._renewed_at = float("-inf")
        self._stale = False
        self._configuration: Any = None
        self._http: aiohttp.ClientSession | None = None

    async def request_arguments(self) -> tuple[aiohttp.ClientSession, str, dict[str, Any]]:
        """The HTTP session, the server's base URL, and the arguments that every request needs."""
        if self._stale and time.monotonic() - self._renewed_at > RENEWAL_PAUSE_S:
            async with self._renewing:
                if self._stale:
                    await self.renew()
        if self._http is None:
            raise RuntimeError("the session is not open")
        headers = {}
        if authorization := await self._configuration.get_api_key_with_prefix("BearerToken"):
            headers["Authorization"] = authorization
        arguments: dict[str, Any] = {"headers": headers}
        if self._configuration.tls_server_name:
            arguments["server_hostname"] = self._configuration.tls_server_name
        if self._configuration.proxy:
            arguments["proxy"] = self._configuration.proxy
        return self._http, self._configuration.host, arguments

    def refused(self) -> None:
        """The server answered 401: read the credential again before the next request."""
        self._stale = True

    async def renew(self) -> None:
        """Read the connection again and replace the HTTP session.

        Raises ConnectionConfigError where the kubeconfig, the context or the Secret cannot be used.
        """
        self._renewed_at = time.monotonic()
        configuration = await _configuration_of(self._ref, self._read_secret)
        tls = await asyncio.to_thread(_tls_context, configuration)
        fresh = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=60),
            read_bufsize=READ_BUFFER_BYTES,
            trust_env=True,
            auto_decompress=True,
        )
        old, self._http, self._configuration, self._stale = self._http, fresh, configuration, False
        if old is not None:
            await old.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            await self._http.close()
            self._http = None


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


async def _configuration_of(ref: ConnectionRef, read_secret: SecretReader) -> Any:  # noqa: ANN401 - untyped package
    configuration = Configuration()
    where = _described(ref)
    try:
        if isinstance(ref, KubeconfigRef):
            if not await asyncio.to_thread(ref.path.is_file):
                raise ConnectionConfigError(f"{where}: there is no such file")
            loader = await load_kube_config(
                config_file=str(ref.path),
                context=ref.context,
                client_configuration=configuration,
                persist_config=False,
            )
            _require_exec_credential(loader, configuration, where)
        elif isinstance(ref, InCluster):
            load_incluster_config(client_configuration=configuration)
        else:
            document = yaml.safe_load(await read_secret(ref))
            loader = await load_kube_config_from_dict(config_dict=document, client_configuration=configuration)
            _require_exec_credential(loader, configuration, where)
    except (ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError) as exc:
        raise ConnectionConfigError(f"{where}: {exc}") from exc
    return configuration


def _require_exec_credential(loader: Any, configuration: Any, where: str) -> None:  # noqa: ANN401 - untyped package
    # The loader only logs when an exec plugin fails, and would go on without any credential.
    user = loader._user  # noqa: SLF001 - it has no public face for this
    if user and "exec" in user and not configuration.api_key and not configuration.cert_file:
        command = user["exec"]["command"]
        raise ConnectionConfigError(
            f"{where}: the exec plugin {command} gave no credential; run it by hand to see why"
        )


def _tls_context(configuration: Any) -> Any:  # noqa: ANN401 - untyped package
    try:
        return RESTClientObject(configuration).ssl_context
    except (OSError, ValueError) as exc:
        raise ConnectionConfigError(f"the certificates of {configuration.host} cannot be read: {exc}") from exc


def _described(ref: ConnectionRef) -> str:
    if isinstance(ref, KubeconfigRef):
        return f"kubeconfig {ref.path}" + (f", context {ref.context}" if ref.context else "")
    if isinstance(ref, InCluster):
        return "the pod's service account"
    return f"kubeconfig in Secret {ref.namespace}/{ref.name}, key {ref.key}"
