"""An OCI registry on loopback: the CNCF Distribution registry, to which the official cue command publishes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Self

import yaml

from tests.harness import goprograms
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER, PASSWORD = "reader", "s3cret&pass word"
# bcrypt of the password, as `htpasswd -B` makes it
_HTPASSWD = f"{USER}:$2b$04$LsestOTgYtk1GNCfuXzJee/cBS4E9jCEmLh8.e44wMgSJgwF3GtXK\n"
_TIMEOUT_S = 60
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Registry:
    """A registry process with a folder of its own. It can be stopped and started again, on the same port."""

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self._folder = folder
        self._private = private
        self._process: subprocess.Popen[bytes] | None = None
        self.host = f"127.0.0.1:{_free_port()}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and return once it answers."""
        config = self._folder / "config.yml"
        config.write_text(yaml.safe_dump(self._config()))
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        with (self._folder / "registry.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own build
                [goprograms.built("registry"), "serve", config], stdout=log, stderr=log, env=environment
            )
        until(self._answers, deadline_s=_TIMEOUT_S)

    def stop(self) -> None:
        """End it. Nothing that it holds is lost."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_TIMEOUT_S)

    def publish(
        self, module: str, version: str, files: Mapping[str, str], *, folder: Path, prefix: str = ""
    ) -> None:
        """Publish a module, such as ``acme.example/web@v1``, as its author does.

        ``files`` has its ``cue.mod/module.cue`` where it depends on others.
        """
        source = folder / module.replace("/", "-") / version
        own = f'module: "{module}"\nlanguage: version: "v0.17.0"\nsource: kind: "self"\n'
        for name, text in {"cue.mod/module.cue": own, **files}.items():
            file = source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.cue("mod", "publish", version, folder=source, prefix=prefix)

    def retag(self, repository: str, tag: str, new: str) -> None:
        """Let another tag name what ``tag`` names, as `crane tag` does."""
        _, manifest = self._ask("GET", f"{repository}/manifests/{tag}", headers={"Accept": _MANIFEST})
        self._put_manifest(repository, new, manifest)

    def delete(self, repository: str, tag: str) -> None:
        """Delete a tag."""
        self._ask("DELETE", f"{repository}/manifests/{tag}")

    def put_empty_image(self, repository: str, tag: str) -> None:
        """Push what is no module: a container image without layers."""
        content = b"{}"
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        where, _ = self._ask("POST", f"{repository}/blobs/uploads/")
        octets = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", f"{where.partition('/v2/')[2]}&digest={digest}", body=content, headers=octets)
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(content)}
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": []}
        self._put_manifest(repository, tag, json.dumps(manifest).encode())

    def _put_manifest(self, repository: str, tag: str, manifest: bytes) -> None:
        headers = {"Content-Type": _MANIFEST}
        self._ask("PUT", f"{repository}/manifests/{tag}", body=manifest, headers=headers)

    def _ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[str, bytes]:
        """The Location and the body that the registry answers with."""
        with closing(HTTPConnection(self.host, timeout=_TIMEOUT_S)) as connection:
            connection.request(method, f"/v2/{path}", body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status < 300, f"{method} {path}: {answer.status} {content.decode()}"
        return answer.headers.get("Location", ""), content

    def cue(self, *arguments: str, folder: Path, prefix: str = "") -> str:
        """Run the cue command with this registry as its only one."""
        docker = self._folder / "docker"
        docker.mkdir(exist_ok=True)
        (docker / "config.json").write_bytes(self.docker_config())
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "CUE_CACHE_DIR": str(self._folder / "cue-cache"),
            "CUE_REGISTRY": f"{self.host}{f'/{prefix}' if prefix else ''}+insecure",
            "DOCKER_CONFIG": str(docker),
        }
        finished = subprocess.run(  # noqa: S603 - our own build
            [goprograms.built("cue"), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert finished.returncode == 0, f"cue {' '.join(arguments)}: {finished.stderr}"
        return finished.stdout

    def docker_config(self, host: str = "") -> bytes:
        """``.dockerconfigjson`` with the credentials of this registry."""
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return json.dumps({"auths": {host or self.host: {"auth": auth}}}).encode()

    def _config(self) -> dict[str, object]:
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": False}, "level": "info"},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "blobs")}, "delete": {"enabled": True}},
            "http": {"addr": self.host, "secret": "for tests"},
        }
        if self._private:
            htpasswd = self._folder / "htpasswd"
            htpasswd.write_text(_HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(htpasswd)}}
        return config

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "registry.log").read_text())
        host, _, port = self.host.partition(":")
        with socket.socket() as attempt:
            return attempt.connect_ex((host, int(port))) == 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
