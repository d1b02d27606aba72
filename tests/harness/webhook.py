"""An admission webhook on loopback, which a real API server asks about ConfigMaps."""

from __future__ import annotations

import threading
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from tests.harness.tlsserver import TlsServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.clusters import Manifest

TIMEOUT_S = 1
"""How long the API server waits for an answer; the least that it can be told."""


class Mood(Enum):
    """How the webhook behaves."""

    ALLOWS = auto()
    DAWDLES = auto()  # and allows
    DENIES = auto()
    FAILS = auto()
    HANGS = auto()


class Webhook:
    """The webhook's server. It begins well, and allows everything."""

    def __init__(self, folder: Path) -> None:
        self.mood = Mood.ALLOWS
        self.asked = 0
        self._ended = threading.Event()
        self._server = TlsServer(folder, self._answer)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._server.__exit__(*exc)

    def configuration(self, name: str, *, namespace: str) -> Manifest:
        """What makes an API server ask it about the ConfigMaps of a namespace."""
        client = {"url": f"https://127.0.0.1:{self._server.port}/", "caBundle": self._server.authority}
        everything = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [
                {
                    "name": "configmaps.example.com",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "timeoutSeconds": TIMEOUT_S,
                    "clientConfig": client,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "rules": [{**everything, "operations": ["CREATE", "UPDATE"]}],
                }
            ],
        }

    def _answer(self, _: str, review: Manifest) -> tuple[int, Manifest]:
        """Status and body of the answer to an AdmissionReview."""
        self.asked += 1
        if self.mood is Mood.HANGS:
            self._ended.wait(10 * TIMEOUT_S)
        if self.mood in {Mood.FAILS, Mood.HANGS}:
            return 500, {}
        if self.mood is Mood.DAWDLES:
            self._ended.wait(TIMEOUT_S / 3)
        response = {"uid": review["request"]["uid"], "allowed": self.mood is not Mood.DENIES}
        if self.mood is Mood.DENIES:
            response["status"] = {"code": 403, "message": "the webhook does not like it"}
        return 200, {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
