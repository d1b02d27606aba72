"""The CRDs of the fleet's own kinds: Transform belongs on the hub cluster, ResourceGraph on every spoke.

Where RBAC does not let the hub install CRDs, somebody else has to; then it is enough that they are there.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
import yaml

from fleet.errors import Transient
from fleet.kube import labels
from fleet.kube.conditions import holds
from fleet.kube.errors import Forbidden, NotFound
from fleet.kube.wellknown import CRDS
from fleet.kube.writes import Cause
from fleet.shipped import shipped

if TYPE_CHECKING:
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject

log = structlog.get_logger(__name__)

ESTABLISH_TIMEOUT_S = 15.0
LOOK_EVERY_S = 0.1


class NotEstablished(Transient):
    """The API server does not serve the CRD yet."""


async def install(client: ClusterClient, name: str) -> LiveObject:
    """Apply ``config/crd/<name>.yaml`` where it differs; gives the CRD once the API server serves it."""
    manifest = _manifest(name)
    crd_name = manifest["metadata"]["name"]
    try:
        live = await client.get(CRDS, crd_name)
        current = (
            live.meta.annotations.get(labels.REVISION) == manifest["metadata"]["annotations"][labels.REVISION]
        )
    except (NotFound, Forbidden):
        current = False
    if not current:
        live = await _apply(client, manifest)
    try:
        async with asyncio.timeout(ESTABLISH_TIMEOUT_S):
            while not holds(live.body, "Established"):
                await asyncio.sleep(LOOK_EVERY_S)
                live = await client.get(CRDS, crd_name)
    except TimeoutError as exc:
        raise NotEstablished(f"cluster {client.name}: CRD {crd_name} is not established") from exc
    return live


async def _apply(client: ClusterClient, manifest: dict[str, Any]) -> LiveObject:
    crd_name = manifest["metadata"]["name"]
    try:
        return await client.apply(CRDS, manifest, cause=Cause(reason="the fleet's own CRD"), force=True)
    except Forbidden as exc:
        log.warning("may not install CRD, looking for it", cluster=client.name, crd=crd_name, error=str(exc))
        return await _existing(client, crd_name)


async def _existing(client: ClusterClient, crd_name: str) -> LiveObject:
    try:
        return await client.get(CRDS, crd_name)
    except NotFound as exc:
        raise Forbidden(
            f"cluster {client.name}: CRD {crd_name} is missing and the hub may not install it; "
            f"apply config/crd/ with a user that may, or grant the hub what config/rbac/ has"
        ) from exc


@cache
def _manifest(name: str) -> dict[str, Any]:
    """The CRD, with an annotation by which an API server's copy is recognised as the same."""
    text = (shipped("config") / "crd" / f"{name}.yaml").read_text()
    manifest: dict[str, Any] = yaml.safe_load(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {labels.REVISION: digest}}}
