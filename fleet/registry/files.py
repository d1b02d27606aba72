"""Cluster files: ``clusters/<name>.yaml`` to values. docs/cluster-files.md describes them to their authors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.ids import ClusterName
from fleet.kube.connection import ConnectionRef, InCluster, KubeconfigRef, SecretRef
from fleet.registry import document
from fleet.registry.clusters import Cluster, Role
from fleet.registry.errors import ClusterFileError
from fleet.registry.labels import dns_label_problem, label_key_problem, label_value_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.registry.document import Value

_CONNECTIONS = ("kubeconfig", "inCluster", "secret")


def read(path: Path) -> bytes:
    """The content of a cluster file; raises ClusterFileError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClusterFileError(f"cannot be read: {error.strerror or error}", file=path) from error


def parse(content: bytes, *, file: Path) -> Cluster:
    """The cluster that ``content`` describes, where ``file`` names it and is what paths are relative to."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ClusterFileError("this is not UTF-8 text", file=file, line=line, column=1) from error
    root = document.read(text, file=file)
    fields = root.fields("name", "labels", "roles", "connection", "suspend")
    roles = _roles(fields["roles"]) if "roles" in fields else frozenset({Role.SPOKE})
    return Cluster(
        name=_name(_needed(root, fields, "name"), stem=file.stem),
        labels=_labels(fields["labels"]) if "labels" in fields else {},
        roles=roles,
        connection=_connection(_needed(root, fields, "connection"), roles=roles),
        suspend=fields["suspend"].boolean() if "suspend" in fields else False,
        file=file,
        file_digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )


def _needed(parent: Value, fields: Mapping[str, Value], name: str) -> Value:
    if name not in fields:
        parent.fail(f"{name} is missing")
    return fields[name]


def _name(value: Value, *, stem: str) -> ClusterName:
    name = value.text()
    if problem := dns_label_problem(name):
        value.fail(f"{name!r} {problem}")
    if name != stem:
        value.fail(f"{name!r} is not the file's name; call the file {name}.yaml, or the cluster {stem!r}")
    return ClusterName(name)


def _labels(value: Value) -> dict[str, str]:
    labels = {}
    for name, (key, label) in value.members().items():
        if problem := label_key_problem(name):
            key.fail(f"a label's key {problem}")
        text = label.any_text()
        if problem := label_value_problem(text):
            label.fail(f"{text!r} {problem}")
        labels[name] = text
    return labels


def _roles(value: Value) -> frozenset[Role]:
    roles = set()
    for item in value.items():
        name = item.text()
        if name not in list(Role):
            item.fail(f"{name!r} is no role; the roles are {' and '.join(Role)}")
        roles.add(Role(name))
    if not roles:
        value.fail(f"a cluster needs at least one role of {' and '.join(Role)}; or remove the field for [spoke]")
    return frozenset(roles)


def _connection(value: Value, *, roles: frozenset[Role]) -> ConnectionRef:
    ways = value.fields(*_CONNECTIONS)
    if len(ways) != 1:
        value.fail(f"needs exactly one of {', '.join(_CONNECTIONS)}; found {', '.join(ways) or 'none'}")
    if "kubeconfig" in ways:
        return _kubeconfig(ways["kubeconfig"])
    if "inCluster" in ways:
        ways["inCluster"].fields()
        return InCluster()
    if Role.HUB in roles:
        ways["secret"].fail("is read from the hub cluster, which this one is; use kubeconfig or inCluster")
    return _secret(ways["secret"])


def _kubeconfig(value: Value) -> KubeconfigRef:
    fields = value.fields("path", "context")
    path = _needed(value, fields, "path")
    # Not resolved: where a link points may change, and is the kube room's to follow each time.
    try:
        found = value.file.parent.absolute() / Path(path.text()).expanduser()
        there = found.is_file()
    except RuntimeError:
        path.fail(f"{path.text()}: nobody on this machine has that home folder; write the whole path")
    except OSError as error:
        path.fail(f"{path.text()} cannot be looked at: {error.strerror}")
    if not there:
        path.fail(f"there is no file {found}; relative paths begin at the cluster file's folder")
    return KubeconfigRef(path=found, context=fields["context"].text() if "context" in fields else None)


def _secret(value: Value) -> SecretRef:
    fields = value.fields("namespace", "name", "key")
    namespace, name = (_needed(value, fields, field).text() for field in ("namespace", "name"))
    if "key" in fields:
        return SecretRef(namespace=namespace, name=name, key=fields["key"].text())
    return SecretRef(namespace=namespace, name=name)
