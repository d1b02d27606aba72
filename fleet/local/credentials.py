"""Keys, tokens and kubeconfigs of a local control plane, readable by their owner only."""

from __future__ import annotations

import base64
import os
import secrets
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

# An elliptic-curve private key in DER (RFC 5915) on the curve P-256: version 1, the 32 bytes of the key, and the
# curve's identifier. Its optional public key is left out, since readers compute it.
_EC_KEY_HEAD = bytes.fromhex("30310201010420")
_EC_KEY_CURVE = bytes.fromhex("a00a06082a8648ce3d030107")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on, and complete or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123 - the mode
        file.write(text)
    draft.replace(path)


def new_token() -> str:
    """A bearer token that nobody guesses."""
    return secrets.token_urlsafe(32)


def new_signing_key() -> str:
    """A key (PEM) with which an API server signs the tokens of service accounts."""
    scalar = b"\x00" + secrets.token_bytes(31)  # below the order of P-256 for certain, and still 248 random bits
    der = base64.b64encode(_EC_KEY_HEAD + scalar + _EC_KEY_CURVE).decode()
    lines = [der[start : start + 64] for start in range(0, len(der), 64)]
    return "\n".join(["-----BEGIN EC PRIVATE KEY-----", *lines, "-----END EC PRIVATE KEY-----", ""])


def kubeconfig(*, cluster: str, user: str, server: str, ca: str, token: str) -> str:
    """A kubeconfig whose one context is named after the cluster."""
    ca_data = base64.b64encode(ca.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": ca_data}}],
        "users": [{"name": user, "user": {"token": token}}],
    }
    return yaml.safe_dump(document, sort_keys=False)
