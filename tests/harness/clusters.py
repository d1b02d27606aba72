"""Clusters for the tests: who starts them, and a view of one that shares no code with the product."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import pykube
import yaml

from fleet.local import processes
from fleet.local.keeper import ROSTER
from fleet.local.processes import Roster

if TYPE_CHECKING:
    from fleet.local.controlplane import ControlPlane

Manifest = dict[str, Any]
NAMES = ("hub", "spoke-1", "spoke-2")
_FIELD_MANAGER = "tests"
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlanes:
    """The clusters that live as long as the test session. A test that stops one starts it again."""

    hub: ControlPlane
    spoke_1: ControlPlane
    spoke_2: ControlPlane

    @property
    def spokes(self) -> tuple[ControlPlane, ControlPlane]:
        """Both spokes."""
        return (self.spoke_1, self.spoke_2)

    @property
    def all(self) -> tuple[ControlPlane, ControlPlane, ControlPlane]:
        """The hub and both spokes."""
        return (self.hub, self.spoke_1, self.spoke_2)


def end_leftovers(folder: Path) -> None:
    """End what earlier runs left beside the run in ``folder``: a run and its keeper may both have been killed.

    A run that is under way, or another process of this one, is left alone: its owner is alive. The processes of a
    run that has several have folders of their own in the run's.
    """
    runs = folder.parent.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder.parent
    for path in (*runs.glob(f"*/*/{ROSTER}"), *runs.glob(f"*/*/*/{ROSTER}")):
        roster = Roster(path)
        if roster.orphaned():
            processes.end_recorded(roster, grace_s=1)


class View:
    """One cluster as pykube-ng sees it: an independent witness, one object at a time.

    Objects are named by ``(apiVersion, kind)``; discovery is asked each time, because kinds come and go in tests.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._private = TemporaryDirectory(prefix="fleet-view-")
        try:
            document = yaml.safe_load(kubeconfig.read_text())
            _write_down(document, Path(self._private.name))
            self.api = pykube.HTTPClient(pykube.KubeConfig(document))
        except BaseException:
            self._private.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections, and remove the files of its certificates."""
        self.api.session.close()
        self._private.cleanup()

    def get(self, api_version: str, kind: str, name: str, *, namespace: str | None = None) -> Manifest | None:
        """One object, or None where it (or its kind) does not exist."""
        path = self._path(api_version, kind, namespace=namespace)
        return self._object("GET", f"{path}/{name}") if path else None

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, label_selector: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, by name; none where the kind does not exist."""
        path = self._path(api_version, kind, namespace=namespace)
        if path is None:
            return []
        answer = self._request("GET", path, params={"labelSelector": label_selector})
        items: list[Manifest] = answer.json()["items"]
        return sorted(items, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))

    def apply(self, manifest: Manifest, *, field_manager: str = _FIELD_MANAGER) -> Manifest:
        """Server-side apply, as `kubectl apply --server-side --force-conflicts` does."""
        return self._patch(
            manifest,
            content_type="application/apply-patch+yaml",
            params={"fieldManager": field_manager, "force": "true"},
        )

    def merge(self, patch: Manifest, *, subresource: str = "") -> Manifest:
        """Merge-patch the object that ``patch`` names by apiVersion, kind and metadata."""
        return self._patch(patch, content_type="application/merge-patch+json", subresource=subresource)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Ask for the deletion of an object; nothing happens where it does not exist."""
        path = self._path(api_version, kind, namespace=namespace)
        if path is None:
            return
        answer = self.api.session.delete(
            f"{self.api.url}{path}/{name}", json={"propagationPolicy": propagation}, timeout=10
        )
        if answer.status_code != _NOT_FOUND:
            _raise_with_body(answer)

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the cluster knows this kind."""
        return self._path(api_version, kind, namespace=None) is not None

    def post(self, path: str, body: Manifest) -> Manifest:
        """POST to a path, for the requests that are no object (a token, an eviction)."""
        answer = self._request("POST", path, json=body)
        result: Manifest = answer.json()
        return result

    def _patch(
        self,
        manifest: Manifest,
        *,
        content_type: str,
        subresource: str = "",
        params: dict[str, str] | None = None,
    ) -> Manifest:
        metadata = manifest["metadata"]
        path = self._path(manifest["apiVersion"], manifest["kind"], namespace=metadata.get("namespace"))
        if path is None:
            raise LookupError(f"the cluster does not serve {manifest['kind']} of {manifest['apiVersion']}")
        # A subresource has a type of its own: the scale of a Deployment is a Scale.
        body = {
            key: value for key, value in manifest.items() if not subresource or key not in {"apiVersion", "kind"}
        }
        answer = self._request(
            "PATCH",
            "/".join(part for part in (path, metadata["name"], subresource) if part),
            data=json.dumps(body),
            headers={"Content-Type": content_type},
            params=params or {},
        )
        result: Manifest = answer.json()
        return result

    def _path(self, api_version: str, kind: str, *, namespace: str | None) -> str | None:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        answer = self.api.session.get(self.api.url + root, timeout=10)
        if answer.status_code == _NOT_FOUND:
            return None
        _raise_with_body(answer)
        for resource in answer.json()["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"]:
                scope = f"/namespaces/{namespace}" if namespace and resource["namespaced"] else ""
                return f"{root}{scope}/{resource['name']}"
        return None

    def _object(self, method: str, path: str) -> Manifest | None:
        answer = self.api.session.request(method, self.api.url + path, timeout=10)
        if answer.status_code == _NOT_FOUND:
            return None
        _raise_with_body(answer)
        result: Manifest = answer.json()
        return result

    def _request(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - requests' own types
        answer = self.api.session.request(method, self.api.url + path, timeout=10, **arguments)
        _raise_with_body(answer)
        return answer


def _write_down(kubeconfig: Manifest, folder: Path) -> None:
    """Put the embedded certificates of a kubeconfig into ``folder``. pykube would leave them in the common one."""
    holders = [each["cluster"] for each in kubeconfig["clusters"]] + [each["user"] for each in kubeconfig["users"]]
    for number, holder in enumerate(holders):
        for field in [field for field in holder if field.endswith("-data")]:
            file = folder / f"{number}-{field}"
            file.write_bytes(base64.b64decode(holder.pop(field)))
            holder[field.removesuffix("-data")] = str(file)


def _raise_with_body(answer: Any) -> None:  # noqa: ANN401 - requests' own types
    """Raise for an error status, with what the API server said: requests leaves that out."""
    if not answer.ok:
        raise AssertionError(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}")
