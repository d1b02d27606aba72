"""A git server on loopback: git's own programs behind http, https and ssh.

Over http(s) it is ``git http-backend``, over ssh ``git-upload-pack``; what is written here carries their bytes.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import asyncssh

from tests.harness.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.harness.certificates import Certificate

USER, PASSWORD = "reader", "s3cret&pass word"
_TIMEOUT_S = 60


class Repository:
    """A bare repository and a checkout beside it, to commit with."""

    def __init__(self, bare: Path, checkout: Path) -> None:
        self.bare = bare
        self.checkout = checkout
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(bare), folder=bare.parent)
        self._git("init", "--quiet", "--initial-branch=main", str(checkout), folder=bare.parent)
        self._git("remote", "add", "origin", str(bare))

    def commit(self, files: Mapping[str, str], *, branch: str = "main") -> str:
        """Commit ``files`` to a branch, push it, and give the commit's id."""
        if self._git("branch", "--list", branch):
            self._git("checkout", "--quiet", branch)
        elif self._git("branch", "--list"):
            self._git("checkout", "--quiet", "-b", branch)
        for name, text in files.items():
            file = self.checkout / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "-m", "a change")
        self._git("push", "--quiet", "--force", "origin", branch)
        return self._git("rev-parse", "HEAD")

    def tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        """Put a tag on a commit, and push it."""
        self._git("tag", "--force", *(["-a", "-m", name] if annotated else []), name, commit)
        self._git("push", "--quiet", "--force", "origin", f"refs/tags/{name}")

    def symlink(self, name: str, to: str) -> None:
        """Put a symbolic link into the checkout."""
        (self.checkout / name).symlink_to(to)

    def _git(self, *arguments: str, folder: Path | None = None) -> str:
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": "test@example.com"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        finished = subprocess.run(  # noqa: S603 - git, with arguments of the tests
            ["git", *arguments],  # noqa: S607 - from PATH, as the product does
            cwd=folder or self.checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert finished.returncode == 0, f"git {' '.join(arguments)}: {finished.stderr}"
        return finished.stdout.strip()


class HttpServer:
    """``git http-backend`` behind http, or https where there is a certificate; ``private`` wants a password.

    It can be stopped and started again, on the same port.
    """

    def __init__(self, root: Path, *, certificate: Certificate | None = None, private: bool = False) -> None:
        self.asked: list[str] = []
        self._speaking = threading.Event()
        self._speaking.set()
        self._handler = _handler(root, self.asked, self._speaking, private=private)
        self._certificate = certificate
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The beginning of every repository's URL."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate.certificate, self._certificate.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join(_TIMEOUT_S)
        self._server.server_close()
        self._server = self._thread = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Accept connections, and answer none of them for as long as the block lasts."""
        self._speaking.clear()
        try:
            yield
        finally:
            self._speaking.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _handler(
    root: Path, asked: list[str], speaking: threading.Event, *, private: bool
) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            asked.append(self.path)
            speaking.wait(_TIMEOUT_S)
            if private and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            url = urlsplit(self.path)
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "REQUEST_METHOD": self.command,
                "PATH_INFO": url.path,
                "QUERY_STRING": url.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            finished = subprocess.run(
                ["git", "http-backend"],  # noqa: S607 - from PATH
                input=body,
                env=environment,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
            head, _, content = finished.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its own name
            pass

    return Handler


class SshServer:
    """``git-upload-pack`` behind ssh, for whoever has the one key that was made for it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._user_key = asyncssh.generate_private_key("ssh-ed25519")
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._listening = threading.Event()
        self._stop: Callable[[], object] = self._listening.set
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(_TIMEOUT_S), "the ssh server does not listen"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join(_TIMEOUT_S)

    @property
    def url(self) -> str:
        """The beginning of every repository's URL."""
        return f"ssh://git@127.0.0.1:{self.port}"

    @property
    def private_key(self) -> bytes:
        """The key of who may read."""
        key: bytes = self._user_key.export_private_key()
        return key

    @property
    def known_hosts(self) -> bytes:
        """What ``ssh-keyscan`` would say."""
        return f"[127.0.0.1]:{self.port} {self._host_key.export_public_key().decode()}".encode()

    async def _listen(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        keys = asyncssh.import_authorized_keys(self._user_key.export_public_key().decode())
        listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self._host_key],
            authorized_client_keys=keys,
            process_factory=self._serve,
            encoding=None,
        )
        async with listener:
            self.port = listener.get_port()
            self._listening.set()
            await stopped.wait()

    async def _serve(self, process: Any) -> None:  # noqa: ANN401 - asyncssh's own
        program, path = shlex.split(process.command or "")
        assert program == "git-upload-pack", program
        upload = await asyncio.create_subprocess_exec(
            "git",
            "upload-pack",
            str(self._root / path.lstrip("/")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **{name: value for name, value in process.env.items() if name == "GIT_PROTOCOL"}},
        )
        assert upload.stdin is not None
        assert upload.stdout is not None
        heard = asyncio.create_task(_pump(process.stdin, upload.stdin))
        await _pump(upload.stdout, process.stdout)
        status = await upload.wait()
        heard.cancel()
        process.exit(status)


async def _pump(source: Any, sink: Any) -> None:  # noqa: ANN401 - streams of asyncio and of asyncssh
    with suppress(OSError):
        while chunk := await source.read(2**16):
            sink.write(chunk)
            await sink.drain()
        if isinstance(sink, asyncio.StreamWriter):
            sink.close()


class GitServer:
    """Repositories in one folder, reachable in every way."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "repositories"
        self._root.mkdir()
        self._checkouts = folder / "checkouts"
        self._checkouts.mkdir()
        self.certificate = self_signed(folder)
        self.http = HttpServer(self._root)
        self.https = HttpServer(self._root, certificate=self.certificate, private=True)
        self.ssh = SshServer(self._root)

    def __enter__(self) -> Self:
        for server in (self.http, self.https, self.ssh):
            server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.ssh, self.https, self.http):
            server.__exit__()

    def repository(self, name: str) -> Repository:
        """A new repository, at ``/<name>`` of every URL."""
        return Repository(self._root / name, self._checkouts / name)
