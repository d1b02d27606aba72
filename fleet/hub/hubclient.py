"""What the other clusters' engagements need of the hub cluster, whether it is connected at the moment or not."""

from __future__ import annotations

import base64
import binascii
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fleet.errors import Transient
from fleet.kube.errors import ConnectionConfigError, NotFound
from fleet.kube.wellknown import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.ids import TransformName
    from fleet.kube.client import ClusterClient
    from fleet.kube.connection import SecretRef
    from fleet.watch.backlog import Backlog


class HubAway(Transient):
    """The hub cluster is not connected."""


class HubClient:
    """The connected hub cluster's client and backlog of Transforms, or none."""

    def __init__(self) -> None:
        self._client: ClusterClient | None = None
        self._backlog: Backlog[TransformName] | None = None

    @contextmanager
    def connected(self, client: ClusterClient, backlog: Backlog[TransformName]) -> Iterator[None]:
        """The hub cluster is connected for as long as the block lasts."""
        self._client, self._backlog = client, backlog
        try:
            yield
        finally:
            self._client = self._backlog = None

    def transform_progressed(self, transform: TransformName) -> None:
        """A rollout came further: the Transform's status is to be looked at."""
        if self._backlog is not None:
            self._backlog.add(transform)

    async def read_secret(self, ref: SecretRef) -> bytes:
        """The value of a key of a Secret on the hub cluster. Raises HubAway, or ConnectionConfigError."""
        where = f"Secret {ref.namespace}/{ref.name} on the hub cluster"
        if self._client is None:
            raise HubAway(f"{where} cannot be read: the hub cluster is not connected", retry_after=1.0)
        try:
            secret = await self._client.get(SECRETS, ref.name, namespace=ref.namespace)
        except NotFound as exc:
            raise ConnectionConfigError(f"{where} does not exist") from exc
        try:
            return base64.b64decode(secret.body["data"][ref.key], validate=True)
        except KeyError as exc:
            raise ConnectionConfigError(f"{where} has no key {ref.key!r}") from exc
        except (binascii.Error, TypeError) as exc:
            raise ConnectionConfigError(f"{where}: key {ref.key!r} is not base64") from exc
