"""The refs of OCI sources."""

from __future__ import annotations

import pytest

from fleet.cue.errors import ModuleError
from fleet.cue.remote import ociref

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("ref", "name", "tag", "digest"),
    [
        ("ghcr.io/acme/acme.dev/web:v1.2.0", "ghcr.io/acme/acme.dev/web", "v1.2.0", ""),
        (f"oci://ghcr.io/acme/web@{DIGEST}", "ghcr.io/acme/web", "", DIGEST),
        (f"ghcr.io/acme/web:v1@{DIGEST}", "ghcr.io/acme/web", "v1", DIGEST),
        ("127.0.0.1:5000/web:v1", "127.0.0.1:5000/web", "v1", ""),
        ("[::1]:5000/web:v1", "[::1]:5000/web", "v1", ""),
        ("registry+insecure/web:v1", "registry/web", "v1", ""),
    ],
)
def test_what_is_understood(ref: str, name: str, tag: str, digest: str) -> None:
    parsed = ociref.parse(ref)

    assert (parsed.name, parsed.tag, parsed.digest) == (name, tag, digest)


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("ghcr.io", False),
        ("ghcr.io+insecure", True),
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("[::1]:5000", True),
        ("localhost.example.com", False),
    ],
)
def test_tls_is_left_out_on_loopback_or_where_the_ref_says_so(host: str, *, plain: bool) -> None:
    assert ociref.parse(f"{host}/web:v1").plain_http is plain


@pytest.mark.parametrize(
    ("ref", "advice"),
    [
        ("ghcr.io/acme/web", "names no version; write a tag"),
        ("web:v1", "is not host/repository:tag"),
        ("https://ghcr.io/web:v1", "is not host/repository:tag"),
        ("ghcr.io/Acme/web:v1", "is not host/repository:tag"),
        ("ghcr.io/acme/web@sha256:12", "is not host/repository:tag"),
        ("ghcr.io/../web:v1", "is not host/repository:tag"),
    ],
)
def test_what_is_refused_says_what_to_write(ref: str, advice: str) -> None:
    with pytest.raises(ModuleError, match=rf"^cueRef\.ref: .*{advice}"):
        ociref.parse(ref)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ModuleError) as refused:
        ociref.parse("me:hunter2@ghcr.io/acme/web:v1")

    assert "hunter2" not in str(refused.value)
