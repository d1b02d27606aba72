"""Modules in git repositories.

Nothing is checked out: the commit is fetched without its history into a repository that is thrown away, and the
module's files are read out of it as blobs. So no hook, filter, attribute, submodule, symbolic link or LFS pointer
ever acts on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fleet.cue.errors import ModuleError
from fleet.cue.remote import content, gitref, gitrun
from fleet.cue.remote.origin import Location

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.cue.module import Module
    from fleet.cue.remote.gitref import GitRef
    from fleet.cue.remote.gitrun import Git
    from fleet.cue.remote.origin import PullSecret

LOOK_TIMEOUT_S = 30.0
FETCH_TIMEOUT_S = 120.0
READ_TIMEOUT_S = 30.0

_REGULAR_FILES = ("100644", "100755")
_PEELED = "^{}"
_SHA256_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    blob: str
    size: int


class GitSource:
    """``type: git``."""

    def locate(self, ref: str, *, path: str) -> Location:
        """Read ``cueRef.ref`` and ``cueRef.path``. Raises ModuleError."""
        parsed = gitref.parse(ref)
        return Location(
            ref=ref, host=parsed.authority, repository=parsed.url, path=_folder(path), pinned=parsed.commit
        )

    async def look(self, location: Location, secret: PullSecret) -> str:
        """The commit that the branch or tag is at, by `git ls-remote`."""
        ref = gitref.parse(location.ref)
        names = _names(ref)
        async with gitrun.opened(ref, secret) as git:
            said = await git.run("ls-remote", "--quiet", ref.url, *names, timeout_s=LOOK_TIMEOUT_S)
        lines = (line.partition("\t") for line in said.decode().splitlines())
        heads = {name: commit for commit, _, name in lines}
        return _chosen(ref, {name: heads[name] for name in names if name in heads})

    async def fetch(self, location: Location, revision: str, secret: PullSecret) -> Module:
        """The module in a commit."""
        ref = gitref.parse(location.ref)
        async with gitrun.opened(ref, secret) as git:
            shape = "sha256" if len(revision) == _SHA256_LENGTH else "sha1"
            await git.run(
                *("init", "--quiet", "--bare", "--template=", f"--object-format={shape}", "repository"),
                timeout_s=READ_TIMEOUT_S,
            )
            await git.run(
                *("--git-dir=repository", "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head"),
                *("--no-recurse-submodules", ref.url, revision),
                timeout_s=FETCH_TIMEOUT_S,
            )
            where = f"cueRef.path: {location.described(revision)}"
            entries = await _entries(git, revision, location.path, where=where)
            content.refuse_too_much((entry.size for entry in entries), where=where)
            return content.module_of(await _blobs(git, entries), where=where)


def _folder(path: str) -> str:
    parts = PurePosixPath(path.strip("/")).parts
    if ".." in parts or any(not part.isprintable() or part.startswith("-") for part in parts):
        raise ModuleError(f"cueRef.path: {path!r} is no folder inside of a repository, such as modules/webservice")
    return "/".join(parts)


def _names(ref: GitRef) -> tuple[str, ...]:
    if not ref.revision:
        return ("HEAD",)
    if ref.revision.startswith("refs/"):
        return (ref.revision, ref.revision + _PEELED)
    tag = f"refs/tags/{ref.revision}"
    return (f"refs/heads/{ref.revision}", tag, tag + _PEELED)


def _chosen(ref: GitRef, found: Mapping[str, str]) -> str:
    """The commit of the one name that was found; an annotated tag is an object that names a commit."""
    whole = {
        name.removesuffix(_PEELED): found.get(name.removesuffix(_PEELED) + _PEELED, found[name]) for name in found
    }
    if len(whole) > 1:
        raise ModuleError(
            f"cueRef.ref: {ref.revision} is a branch and a tag of {ref.url}; write ?ref={' or ?ref='.join(whole)}"
        )
    for commit in whole.values():
        return commit
    if not ref.revision:
        raise ModuleError(f"cueRef.ref: the repository {ref.url} has no default branch; name a branch with ?ref=")
    hint = "; a commit is named by all the digits of its id" if ref.looks_abbreviated else ""
    raise ModuleError(f"cueRef.ref: {ref.url} has no branch or tag {ref.revision}{hint}")


async def _entries(git: Git, revision: str, folder: str, *, where: str) -> list[_Entry]:
    """The regular files below a folder that can be a module's; links and submodules are not among them."""
    said = await git.run(
        "--git-dir=repository",
        "cat-file",
        "--batch-check=%(objecttype) %(objectname)",
        said=f"{revision}:{folder}\n".encode(),
        timeout_s=READ_TIMEOUT_S,
    )
    kind, _, tree = said.decode().strip().partition(" ")
    if kind != "tree":
        raise ModuleError(f"{where}: there is no such folder")
    listed = await git.run("--git-dir=repository", "ls-tree", "-r", "-z", "--long", tree, timeout_s=READ_TIMEOUT_S)
    entries = []
    for line in listed.decode(errors="surrogateescape").split("\0"):
        head, _, name = line.partition("\t")
        mode, _, blob, size = head.split() if head else ("", "", "", "")
        if mode in _REGULAR_FILES and content.may_matter(name) and name.isprintable():
            entries.append(_Entry(name=name, blob=blob, size=int(size)))
    return entries


async def _blobs(git: Git, entries: Sequence[_Entry]) -> dict[str, bytes]:
    wanted = "".join(f"{entry.blob}\n" for entry in entries).encode()
    said = await git.run("--git-dir=repository", "cat-file", "--batch", said=wanted, timeout_s=READ_TIMEOUT_S)
    files, at = {}, 0
    for entry in entries:
        begin = said.index(b"\n", at) + 1  # after "<id> blob <size>"
        at = begin + entry.size + 1
        files[entry.name] = said[begin : begin + entry.size]
    return files
