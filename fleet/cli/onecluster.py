"""One cluster as a person works with it: one object at a time, through pykube-ng.

The hub has a client of its own, which records what it writes. What is done here is the caller's own doing, with
the credential that the cluster file names, and the audit log does not hear of it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import pykube
import requests

from fleet.cli import kubeconfigs
from fleet.errors import Terminal, Transient
from fleet.kube.connection import InCluster, KubeconfigRef
from fleet.kube.errors import ConnectionConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.kube.connection import ConnectionRef

Manifest = dict[str, Any]
Place = dict[str, str]
"""Where on an API server something is, as pykube takes it."""

FIELD_MANAGER = "fleet-cli"
_TIMEOUT_S = 10.0
_NOT_FOUND = 404
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io, application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class ClusterAway(Transient):
    """The cluster's API server does not answer."""


class ClusterRefuses(Terminal):
    """The cluster's API server refuses what was asked of it."""


class NotAName(Terminal):
    """No object can have this name: it would lead to another place than that of one object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Where an API server keeps the objects of a kind."""

    api_version: str
    plural: str
    namespaced: bool = True
    name: str = ""  # such as WebService, where it is known

    def everywhere(self) -> Place:
        """The place of the objects of all namespaces."""
        return {"version": self.api_version, "url": self.plural}

    def all(self, *, namespace: str | None = None) -> Place:
        """The place of the objects of one namespace; None is that of the kubeconfig's context."""
        if not self.namespaced:
            return self.everywhere()
        return self.everywhere() | {"namespace": _segment(namespace, of="a namespace") if namespace else ""}

    def one(self, name: str, *, namespace: str | None = None) -> Place:
        """The place of one object. Raises NotAName, since without its name it would be that of all of them."""
        url = f"{self.plural}/{_segment(name, of=self.name or self.plural)}"
        return self.all(namespace=namespace) | {"url": url}


class OneCluster:
    """A cluster's API, for a person. Close it after, or use it in a ``with``."""

    def __init__(self, name: str, connection: ConnectionRef) -> None:
        self.name = name
        self._private = TemporaryDirectory(prefix="fleet-")
        try:
            with self._telling("read its connection"):
                configuration = _configuration(connection, private=Path(self._private.name))
                self._api = pykube.HTTPClient(configuration, timeout=_TIMEOUT_S)
        except BaseException:
            self._private.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections, and forget its credential."""
        self._api.session.close()
        self._private.cleanup()

    def version(self) -> str:
        """The API server's version."""
        return str(self.document("/version")["gitVersion"])

    def document(self, path: str, *, accept: str = "application/json") -> Manifest:
        """Any document, such as those of discovery."""
        with self._telling(f"get {path}"):
            # pykube would put a slash behind the path, where discovery is another, older one.
            url = self._api.url + path
            return self._content(self._api.session.get(url, headers={"Accept": accept}, timeout=_TIMEOUT_S))

    def find(self, kind: Kind, name: str, *, namespace: str | None = None) -> Manifest | None:
        """One object; None where it, or its kind, does not exist."""
        with self._telling(f"get {kind.plural} {name}"):
            answer = self._api.get(**kind.one(name, namespace=namespace))
            return None if answer.status_code == _NOT_FOUND else self._content(answer)

    def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Manifest:
        """One object."""
        return self._send("get", kind.one(name, namespace=namespace))

    def read(self, place: Place) -> Manifest:
        """The object, or the list of objects, at a `Kind`'s place."""
        return self._send("get", place)

    def table(self, place: Place) -> Manifest:
        """Objects as the table that the API server makes of them for kubectl."""
        return self._send("get", place, headers={"Accept": _TABLE})

    def apply(
        self, kind: Kind, manifest: Manifest, *, namespace: str | None = None, force: bool = False
    ) -> Manifest:
        """Server-side apply.

        Not a POST, also where there is nothing yet: API servers let that wait for two seconds where the kind is
        younger.
        """
        place = kind.one(manifest["metadata"]["name"], namespace=namespace)
        params = {"fieldManager": FIELD_MANAGER, "force": str(force).lower()}
        return self._patch(place, manifest, content_type=_APPLY, params=params)

    def merge(self, kind: Kind, name: str, patch: Manifest, *, namespace: str | None = None) -> Manifest:
        """Merge ``patch`` into an object."""
        return self._patch(kind.one(name, namespace=namespace), patch, content_type=_MERGE)

    def delete(self, kind: Kind, name: str, *, namespace: str | None = None) -> None:
        """Ask for the deletion of an object."""
        self._send("delete", kind.one(name, namespace=namespace))

    def _patch(
        self, place: Place, body: Manifest, *, content_type: str, params: Mapping[str, str] | None = None
    ) -> Manifest:
        headers = {"Content-Type": content_type}
        return self._send("patch", place, data=json.dumps(body), headers=headers, params=params or {})

    def _send(self, method: str, place: Place, **arguments: Any) -> Manifest:  # noqa: ANN401 - requests'
        with self._telling(f"{method} {place['url']}"):
            return self._content(getattr(self._api, method)(**place, **arguments))

    def _content(self, answer: Any) -> Manifest:  # noqa: ANN401 - a response of requests
        self._api.raise_for_status(answer)
        content: Manifest = answer.json()
        return content

    @contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        where = f"cluster {self.name}: {doing}"
        try:
            yield
        except (requests.ConnectionError, requests.Timeout) as exc:
            away = f"{self._api.url} does not answer ({_reason(exc)})"
            raise ClusterAway(f"{where}: {away}; see that it runs and can be reached from here") from exc
        except ConnectionConfigError as exc:
            raise ClusterRefuses(f"{where}: {exc}") from exc
        except (requests.RequestException, pykube.exceptions.KubernetesError, OSError) as exc:
            raise ClusterRefuses(f"{where}: {exc}") from exc
        except (AttributeError, LookupError, TypeError, ValueError) as exc:  # not a kubeconfig
            raise ClusterRefuses(f"{where}: {exc!r}") from exc


def _reason(exc: requests.RequestException) -> str:
    """What failed, without the layers of urllib3 that pass it on."""
    cause = exc.args[0] if exc.args else exc
    told = str(getattr(cause, "reason", cause))
    return told.partition("): ")[2] or told


def _segment(name: str, *, of: str) -> str:
    """A name as a part of a URL, by the rule that Kubernetes has for every name (IsValidPathSegmentName)."""
    if name in {"", ".", ".."} or "/" in name or "%" in name:
        raise NotAName(
            f"{name!r} cannot be the name of {of}: it must not be empty, . or .., nor have / or % in it"
        )
    return quote(name, safe=":")


def _configuration(connection: ConnectionRef, *, private: Path) -> Any:  # noqa: ANN401 - untyped package
    if isinstance(connection, KubeconfigRef):
        try:
            return kubeconfigs.read(connection, private=private)
        except ConnectionConfigError as exc:
            raise ConnectionConfigError(f"kubeconfig {connection.path}: {exc}") from exc
    if isinstance(connection, InCluster):
        return pykube.KubeConfig.from_service_account()
    raise ConnectionConfigError(
        "its kubeconfig is in a Secret, which only the hub reads; take a cluster with a kubeconfig"
    )
