"""Kubeconfigs for pykube-ng, which runs few exec plugins, knows no token files, and leaves keys behind."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pykube

from fleet.kube import execplugin, kubeconfig
from fleet.kube.errors import ConnectionConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.kube.connection import KubeconfigRef
    from fleet.kube.kubeconfig import Part


def read(ref: KubeconfigRef, *, private: Path) -> Any:  # noqa: ANN401 - untyped package
    """The configuration, with everything in it that is secret in the folder ``private``.

    Raises ConnectionConfigError, or OSError where a file cannot be read.
    """
    document = kubeconfig.parse(ref.path.read_bytes())
    cluster, user = kubeconfig.chosen(document, ref.context)
    if not cluster.get("server"):
        name = ref.context or document.get("current-context")
        raise ConnectionConfigError(f"its context {name!r} names no cluster with a server")
    _log_in(user, cluster=cluster, folder=ref.path.parent)
    _write_down_secrets(document, private)
    configuration = pykube.KubeConfig(document, current_context=ref.context)
    configuration.filepath = ref.path  # what relative paths in it begin at
    return configuration


def _log_in(user: Part, *, cluster: Part, folder: Path) -> None:
    """Put what an exec plugin or a token file gives in its place."""
    if "exec" in user:
        credential = asyncio.run(execplugin.run(user.pop("exec"), cluster=cluster, folder=folder))
        given = {
            "client-certificate-data": _encoded(credential.client_certificate_data),
            "client-key-data": _encoded(credential.client_key_data),
            "token": credential.token,
        }
        user.update({field: value for field, value in given.items() if value})
    elif "tokenFile" in user:
        user["token"] = (folder / user.pop("tokenFile")).read_text().strip()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _write_down_secrets(document: Part, private: Path) -> None:
    """Turn the embedded certificates and keys of a kubeconfig into files that only we can read.

    pykube would write them by itself: into the common folder for temporary files, readable by everybody, under
    names that can be foreseen, and for ever.
    """
    for section, part in (("clusters", "cluster"), ("users", "user")):
        for number, entry in enumerate(document.get(section) or ()):
            holder = entry[part] or {}
            for field in [field for field in holder if field.endswith("-data")]:
                file = private / f"{part}-{number}-{field}"
                file.touch(mode=0o600)
                file.write_bytes(base64.b64decode(holder.pop(field)))
                holder[field.removesuffix("-data")] = str(file)
