"""From a connection to what a session needs: the server, the token, the certificates.

``kubernetes.aio`` reads kubeconfigs and service accounts, and refreshes OIDC tokens. Everything it can raise
becomes `ConnectionConfigError`, which says which kubeconfig, context or Secret is meant.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import KubeConfigLoader

from fleet.kube import execplugin, kubeconfig
from fleet.kube.connection import ConnectionRef, InCluster, KubeconfigRef, SecretRef
from fleet.kube.errors import ConnectionConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from fleet.kube.execplugin import Credential

    SecretReader = Callable[[SecretRef], Awaitable[bytes]]

READ_TIMEOUT_S = 60.0
"""An exec plugin, an OIDC provider and a Secret on the hub cluster may all be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What was read of a connection. ``plugin`` is what an exec plugin gave, if there is one."""

    configuration: Any  # kubernetes.aio's, an untyped package
    plugin: Credential | None

    async def authorization(self) -> str | None:
        """The ``Authorization`` header. Service account tokens are read again each minute."""
        try:
            header: str | None = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (ConfigException, OSError) as exc:
            raise ConnectionConfigError(f"the service account's token cannot be read: {exc}") from exc
        return header.strip() if header else None  # a token file mostly ends with a newline


async def read(ref: ConnectionRef, *, read_secret: SecretReader, known: Credential | None = None) -> Credentials:
    """Read a connection; an exec plugin is run unless ``known`` is what it gave and that is still good.

    Raises ConnectionConfigError, and whatever ``read_secret`` raises.
    """
    where = described(ref)
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await _read(ref, read_secret, known)
    except TimeoutError:
        raise ConnectionConfigError(f"{where}: not read within {READ_TIMEOUT_S:g} s") from None
    except ConnectionConfigError as exc:
        raise ConnectionConfigError(f"{where}: {exc}") from exc
    except (ConfigException, OSError, LookupError, AttributeError, TypeError, ValueError) as exc:
        raise ConnectionConfigError(f"{where}: {exc}") from exc


async def _read(ref: ConnectionRef, read_secret: SecretReader, known: Credential | None) -> Credentials:
    if isinstance(ref, InCluster):
        configuration = Configuration()
        load_incluster_config(client_configuration=configuration)
        return Credentials(configuration=configuration, plugin=None)
    if isinstance(ref, KubeconfigRef):
        if not await asyncio.to_thread(ref.path.is_file):
            raise ConnectionConfigError("there is no such file")
        content = await asyncio.to_thread(ref.path.read_bytes)
        return await _of_kubeconfig(content, context=ref.context, folder=ref.path.parent, known=known)
    return await _of_kubeconfig(await read_secret(ref), context=None, folder=None, known=known)


async def _of_kubeconfig(
    content: bytes, *, context: str | None, folder: Path | None, known: Credential | None
) -> Credentials:
    document = kubeconfig.parse(content)
    cluster, user = kubeconfig.chosen(document, context)
    plugin = None
    if "exec" in user:
        plugin = known or await execplugin.run(user.pop("exec"), cluster=cluster, folder=folder)
        user.pop("exec", None)
        user["token"] = plugin.token
    configuration = Configuration()
    loader = KubeConfigLoader(document, active_context=context, config_base_path=str(folder or ""))
    await loader.load_and_set(configuration)
    if not cluster.get("server"):
        raise ConnectionConfigError("its cluster has no server")
    return Credentials(configuration=configuration, plugin=plugin)


def tls_fingerprint(credentials: Credentials) -> str:
    """Changes whenever connections must be made anew: other certificates, or other trust. Reads files."""
    configuration, plugin = credentials.configuration, credentials.plugin
    digest = hashlib.sha256(repr((configuration.verify_ssl, configuration.tls_server_name)).encode())
    for file in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file):
        digest.update(Path(file).read_bytes() if file else b"-")
    if plugin is not None:
        digest.update((plugin.client_certificate_data + plugin.client_key_data).encode())
    return digest.hexdigest()


def tls_context(credentials: Credentials) -> ssl.SSLContext:
    """The TLS context, built by ``kubernetes.aio`` as for its own client. Reads files: call it in a thread."""
    try:
        context: ssl.SSLContext = RESTClientObject(credentials.configuration).ssl_context
        if credentials.plugin is not None and credentials.plugin.client_certificate_data:
            _load_certificate(context, credentials.plugin)
    except (OSError, ValueError) as exc:
        raise ConnectionConfigError(
            f"the certificates of {credentials.configuration.host} cannot be used: {exc}"
        ) from exc
    return context


def _load_certificate(context: ssl.SSLContext, plugin: Credential) -> None:
    with TemporaryDirectory() as folder:  # ssl reads files only; they are gone before this returns
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_text(plugin.client_certificate_data)
        key.touch(mode=0o600)
        key.write_text(plugin.client_key_data)
        context.load_cert_chain(certificate, key)


def described(ref: ConnectionRef) -> str:
    """What a connection is called in errors."""
    if isinstance(ref, KubeconfigRef):
        return f"kubeconfig {ref.path}" + (f", context {ref.context}" if ref.context else "")
    if isinstance(ref, InCluster):
        return "the pod's service account"
    return f"kubeconfig in Secret {ref.namespace}/{ref.name}, key {ref.key}"
