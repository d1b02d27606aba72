"""A server on loopback that a real API server calls: over TLS, with JSON."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.harness import certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answer = Callable[[str, Any], tuple[int, dict[str, Any]]]


class TlsServer:
    """Answers each request with the status and the JSON that ``answer`` makes of its path and its body."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        made = certificates.self_signed(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.certificate, made.key)
        self.authority = base64.b64encode(made.certificate.read_bytes()).decode()
        """What a ``caBundle`` says."""
        self._server = _Server(("127.0.0.1", 0), _handler(answer))
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="tls server")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        port: int = self._server.server_address[1]
        return port


def _handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, asked: object) -> None:
            status, body = answer(self.path, asked)
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
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Whoever hangs up is no matter of the test."""
