"""The refs of git sources."""

from __future__ import annotations

import pytest

from fleet.cue.errors import ModuleError
from fleet.cue.remote import gitref

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("ref", "url", "revision"),
    [
        ("https://github.com/acme/modules.git", "https://github.com/acme/modules.git", ""),
        ("https://git.example.com:8443/a/b?ref=v1.2.0", "https://git.example.com:8443/a/b", "v1.2.0"),
        ("https://github.com/a/b?ref=feature%2Fa%2Bb", "https://github.com/a/b", "feature/a+b"),
        ("ssh://git@github.com/acme/modules.git?ref=main", "ssh://git@github.com/acme/modules.git", "main"),
        ("git@github.com:acme/modules.git?ref=main", "ssh://git@github.com/acme/modules.git", "main"),
        ("http://127.0.0.1:3000/a.git", "http://127.0.0.1:3000/a.git", ""),
        ("http://[::1]:3000/a.git", "http://[::1]:3000/a.git", ""),
    ],
)
def test_what_is_understood(ref: str, url: str, revision: str) -> None:
    parsed = gitref.parse(ref)

    assert (parsed.url, parsed.revision) == (url, revision)


def test_only_a_whole_commit_id_is_a_commit() -> None:
    whole = gitref.parse(f"https://h/p?ref={COMMIT}")
    short = gitref.parse(f"https://h/p?ref={COMMIT[:12]}")
    branch = gitref.parse("https://h/p?ref=main")

    assert [each.commit for each in (whole, short, branch)] == [COMMIT, "", ""]
    assert [each.looks_abbreviated for each in (whole, short, branch)] == [False, True, False]


@pytest.mark.parametrize(
    ("ref", "advice"),
    [
        ("github.com/acme/modules", "has to begin with https:// or ssh://"),
        ("file:///etc", "has to begin with https:// or ssh://"),
        ("ext::sh -c id", "of plain letters"),
        ("http://git.example.com/a.git", "plain http is used with loopback addresses only"),
        ("https://h/p#main", r"write the branch, tag or commit as \?ref="),
        ("https://h/p?branch=main", r"with \?ref="),
        ("https://h/p?ref=", r"with \?ref="),
        ("https://h/p?ref=--upload-pack=x", "no name that a branch or tag can have"),
        ("https://h/p?ref=a..b", "no name that a branch or tag can have"),
        ("https://h/p?ref=a/.b", "no name that a branch or tag can have"),
        ("https://h/p?ref=a%0Ab", "no name that a branch or tag can have"),
        ("https://h/", "of plain letters"),
        ("https://-oProxyCommand=x/p", "of plain letters"),
        ("ssh://-oProxyCommand=x@h/p", "of plain letters"),
        ("https://h/a b", "of plain letters"),
        ("https://h:port/p", "is no URL"),
    ],
)
def test_what_is_refused_says_what_to_write(ref: str, advice: str) -> None:
    with pytest.raises(ModuleError, match=rf"^cueRef\.ref: .*{advice}"):
        gitref.parse(ref)


@pytest.mark.parametrize(
    "ref",
    [
        "https://me:hunter2@h/p",
        "https://hunter2@h/p",
        "ssh://me:hunter2@h/p",
        "https://me:hunter2/x@h/p",
        "https://me:hunter2\u2100@h/p",
        "https://h/p?token=hunter2",
        "https://h/p?ref=main&token=hunter2",
    ],
)
def test_a_password_is_refused_and_not_repeated(ref: str) -> None:
    with pytest.raises(ModuleError) as refused:
        gitref.parse(ref)

    assert "hunter2" not in str(refused.value)
