"""An admission webhook on loopback, which a real API server asks about ConfigMaps."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from contextlib import suppress
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from tests.harness import certificates

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
        self._certificate = certificates.self_signed(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def configuration(self, name: str, *, namespace: str) -> Manifest:
        """What makes an API server ask it about the ConfigMaps of a namespace."""
        authority = base64.b64encode(self._certificate.certificate.read_bytes()).decode()
        url = f"https://127.0.0.1:{self._server.server_address[1]}/"
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
                    "clientConfig": {"url": url, "caBundle": authority},
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "rules": [{**everything, "operations": ["CREATE", "UPDATE"]}],
                }
            ],
        }

    def answer(self, review: Manifest) -> tuple[int, Manifest]:
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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = webhook.answer(review)
                content = json.dumps(body).encode()
                with suppress(OSError):  # who asked has given up
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever hangs up in a handshake, or waits no longer, is no matter of the test."""
