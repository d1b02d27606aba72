"""The external metrics API with one metric, whose value a test says: what an autoscaler of a real cluster asks.

Only the numbers are made up. The API server passes the questions on, as to any adapter for metrics.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from tests.harness.tlsserver import TlsServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.clusters import Manifest

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
METRIC = "queue-length"


class Metrics:
    """The server."""

    def __init__(self, folder: Path) -> None:
        self.value = 0
        self._server = TlsServer(folder, self._answer)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.__exit__(*exc)

    def service(self, *, namespace: str) -> Manifest:
        """A Service that stands for this process."""
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "metrics", "namespace": namespace},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }

    def api_service(self, *, namespace: str) -> Manifest:
        """What makes an API server pass the metrics API on to the Service."""
        return {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{VERSION}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": {"name": "metrics", "namespace": namespace, "port": self._server.port},
                "insecureSkipTLSVerify": True,  # the certificate is not one for the Service's name
            },
        }

    def _answer(self, path: str, _: object) -> tuple[int, Manifest]:
        root = f"/apis/{GROUP}/{VERSION}"
        if path.partition("?")[0] == root:
            resource = {"name": METRIC, "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}
            return 200, {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{GROUP}/{VERSION}",
                "resources": [resource],
            }
        if not path.startswith(f"{root}/namespaces/"):
            return 404, {}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        value = {"metricName": METRIC, "metricLabels": {}, "timestamp": now, "value": str(self.value)}
        return 200, {
            "kind": "ExternalMetricValueList",
            "apiVersion": f"{GROUP}/{VERSION}",
            "metadata": {},
            "items": [value],
        }
