"""What the hub must be allowed to do on a cluster, as ``config/rbac/`` grants it, and asking whether it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import yaml

from fleet.kube.errors import error_of, mapped_transport_errors, parse_status
from fleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fleet.ids import ClusterName
    from fleet.kube.session import Session
    from fleet.registry.clusters import Role

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_TIMEOUT_S = 10.0
_AT_ONCE = 8
_FIRST_ERROR = 400


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Permission:
    """One verb on one resource (``transforms``, ``transforms/status``), or on one object of it."""

    group: str
    resource: str
    verb: str
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" {self.name}" if self.name else "")


def needed(roles: Iterable[Role]) -> list[Permission]:
    """What the ClusterRoles that ship with the fleet allow for these roles, each permission once."""
    return sorted({each for role in roles for each in _of_role(role)})


def _of_role(role: Role) -> Iterator[Permission]:
    path = shipped("config") / "rbac" / role.value / "roles.yaml"
    for manifest in yaml.safe_load_all(path.read_text()):
        if manifest["kind"] != "ClusterRole":
            continue  # a Role concerns Secrets of one namespace, which only some cluster files need
        for rule in manifest.get("rules", ()):
            names = rule.get("resourceNames", [""])
            for group, resource, verb, name in product(rule["apiGroups"], rule["resources"], rule["verbs"], names):
                # A wildcard is there for kinds to come; ResourceGraph is the one that there always is.
                concrete = resource.replace("*", "resourcegraphs")
                yield Permission(group=group, resource=concrete, verb=verb, name=name)


async def refused(
    session: Session, permissions: Iterable[Permission], *, cluster: ClusterName
) -> list[Permission]:
    """Those of ``permissions`` that the API server would refuse. Raises Unreachable and its like."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(permission: Permission) -> bool:
        async with turns:
            return await _allowed(session, permission, cluster=cluster)

    asked = list(permissions)
    answers = await asyncio.gather(*map(ask, asked))
    return [permission for permission, allowed in zip(asked, answers, strict=True) if not allowed]


async def _allowed(session: Session, permission: Permission, *, cluster: ClusterName) -> bool:
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "verb": permission.verb,
        "name": permission.name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    doing = f"ask whether the hub may {permission}"
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    with mapped_transport_errors(cluster, doing):
        async with session.request(
            "POST",
            _REVIEWS,
            timeout=timeout,
            body=msgspec.json.encode(review),
            headers={"Content-Type": "application/json"},
        ) as response:
            body = await response.read()
    if response.status >= _FIRST_ERROR:
        status = parse_status(body, response.status)
        raise error_of(status, response.status, doing=f"cluster {cluster}: {doing}", retry_after=None)
    answer: dict[str, Any] = msgspec.json.decode(body)
    return bool(answer["status"]["allowed"])
