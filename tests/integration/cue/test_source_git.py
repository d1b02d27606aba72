"""Modules from real git servers, over http, https and ssh."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fleet.cue.binary import helper_path
from fleet.cue.errors import ModuleError
from fleet.cue.evaluator import Evaluator
from fleet.cue.remote import git, gitrun
from fleet.cue.remote.cache import ModuleCache
from fleet.cue.remote.fetching import Fetching
from fleet.cue.remote.origin import SourceUnavailable
from tests.harness.gitserver import PASSWORD, USER, GitServer
from tests.harness.sourced import Ref, keys, module, unread
from tests.harness.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fleet.cue.remote.origin import Resolved


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path) as server:
        yield server


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return fresh(tmp_path)


def fresh(tmp_path: Path) -> Fetching:
    """As a hub that has just started has it, with the cache of the one before."""
    cache = ModuleCache(tmp_path / "cache", limit_bytes=2**24)
    return Fetching(cache, helper=helper_path(), look_every_s=60)


async def resolve(fetching: Fetching, url: str, *, path: str = "", known: Resolved | None = None) -> Resolved:
    return await fetching.resolve(Ref(type="git", ref=url, path=path), read_secret=keys({}), known=known)


async def test_the_default_branch_is_followed(server: GitServer, fetching: Fetching) -> None:
    repository = server.repository("greet.git")
    first = repository.commit({"greet.cue": module("Hello"), "README.md": "greetings"})
    url = f"{server.http.url}/greet.git"

    before = await resolve(fetching, url)
    same = await resolve(fetching, url, known=before)
    second = repository.commit({"greet.cue": module("Good day")})
    after = await resolve(fetching, url, known=before)

    assert (before.revision, before.moves) == (first, True)
    assert before.module.files == {"greet.cue": module("Hello")}
    assert before.origin == f"{url} at {first}"
    assert same is before
    assert after.revision == second
    assert after.module.files == {"greet.cue": module("Good day")}
    assert after.module.digest != before.module.digest


@pytest.mark.parametrize("annotated", [False, True])
async def test_branches_tags_and_commits(server: GitServer, fetching: Fetching, *, annotated: bool) -> None:
    repository = server.repository("greet.git")
    tagged = repository.commit({"greet.cue": module("v1")})
    repository.tag("v1.0.0", tagged, annotated=annotated)
    branched = repository.commit({"greet.cue": module("next")}, branch="feature/a+b")
    url = f"{server.http.url}/greet.git"

    by_tag = await resolve(fetching, f"{url}?ref=v1.0.0")
    by_branch = await resolve(fetching, f"{url}?ref=feature/a+b")
    by_full_name = await resolve(fetching, f"{url}?ref=refs/tags/v1.0.0")
    by_commit = await resolve(fetching, f"{url}?ref={tagged}")

    assert [each.revision for each in (by_tag, by_branch, by_full_name, by_commit)] == [
        *(tagged, branched, tagged, tagged)
    ]
    assert [by_tag.moves, by_branch.moves, by_full_name.moves, by_commit.moves] == [True, True, True, False]
    assert by_branch.module.files["greet.cue"] == module("next")


async def test_a_commit_that_is_no_tip_is_fetched_alone(server: GitServer, fetching: Fetching) -> None:
    repository = server.repository("greet.git")
    old = repository.commit({"greet.cue": module("old")})
    repository.commit({"greet.cue": module("new")})

    resolved = await resolve(fetching, f"{server.http.url}/greet.git?ref={old}")

    assert resolved.module.files["greet.cue"] == module("old")


async def test_a_sub_path_is_the_whole_module(server: GitServer, fetching: Fetching) -> None:
    server.repository("all.git").commit(
        {
            "modules/greet/greet.cue": module("Hello"),
            "modules/greet/cue.mod/module.cue": 'module: "acme.example/greet@v0"\nlanguage: version: "v0.17.0"\n',
            "modules/greet/sub/more.cue": "package sub",
            "modules/other/other.cue": module("other"),
        }
    )

    resolved = await resolve(fetching, f"{server.http.url}/all.git", path="/modules/greet/")

    assert set(resolved.module.files) == {"greet.cue", "cue.mod/module.cue", "sub/more.cue"}
    assert resolved.origin.endswith(", folder modules/greet")
    with pytest.raises(ModuleError, match=r"cueRef\.path: .* folder modules/none: there is no such folder"):
        await resolve(fetching, f"{server.http.url}/all.git", path="modules/none")
    with pytest.raises(ModuleError, match=r"cueRef\.path: .*no \.cue file"):
        await resolve(fetching, f"{server.http.url}/all.git", path="modules")


async def test_the_cue_mod_of_the_sub_path_counts_and_no_other(server: GitServer, fetching: Fetching) -> None:
    imports = 'package greet\nimport "acme.example/all/texts"\n_text: texts.hello\n'
    inside = 'package greet\nimport "acme.example/greet/texts"\n_text: texts.hello\n'
    rest = "#Input: {}\n#Render: {input: {metadata: name: string, spec: #Input}, output: nodes: []}\n"
    named = 'module: "acme.example/{}@v0"\nlanguage: version: "v0.17.0"\n'
    server.repository("all.git").commit(
        {
            "cue.mod/module.cue": named.format("all"),
            "texts/texts.cue": 'package texts\nhello: "Hello"\n',
            "whole.cue": imports + rest,
            "bare/greet.cue": imports + rest,
            "own/cue.mod/module.cue": named.format("greet"),
            "own/greet.cue": inside + rest,
            "own/texts/texts.cue": 'package texts\nhello: "Hi"\n',
            "reaching/greet.cue": imports.replace("all/texts", "all/own/texts") + rest,
            "reaching/cue.mod/module.cue": named.format("all"),
            "reaching/own/cue.mod/module.cue": named.format("greet"),
            "reaching/own/texts/texts.cue": 'package texts\nhello: "Hi"\n',
        }
    )

    async def inspect(path: str) -> None:
        resolved = await resolve(fetching, f"{server.http.url}/all.git", path=path)
        async with Evaluator(size=1) as evaluator:
            await evaluator.inspect(resolved.module)

    await inspect("")
    await inspect("own")
    with pytest.raises(
        ModuleError, match=r"greet\.cue:2:8: import .*: there is no cue\.mod/module\.cue at the module's root"
    ):
        await inspect("bare")
    with pytest.raises(ModuleError, match=r"greet\.cue:2:8: import .*: the folder own has a cue\.mod of its own"):
        await inspect("reaching")


async def test_links_are_not_followed_and_hooks_and_filters_do_nothing(
    server: GitServer, fetching: Fetching, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.cue"
    outside.write_text("password: 1")
    repository = server.repository("odd.git")
    repository.checkout.joinpath("folder").mkdir()
    repository.symlink("link.cue", str(outside))
    repository.symlink("linked", "folder")
    repository.commit(
        {
            "greet.cue": module("Hello"),
            "folder/more.cue": "package more",
            ".gitattributes": "*.cue filter=lfs text eol=crlf",
            ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = {server.http.url}/other.git\n',
        }
    )

    resolved = await resolve(fetching, f"{server.http.url}/odd.git")

    assert set(resolved.module.files) == {"greet.cue", "folder/more.cue"}
    assert resolved.module.files["greet.cue"] == module("Hello")
    with pytest.raises(ModuleError, match="no such folder"):
        await resolve(fetching, f"{server.http.url}/odd.git", path="linked")


async def test_data_files_belong_to_a_module_that_embeds(server: GitServer, fetching: Fetching) -> None:
    repository = server.repository("data.git")
    repository.commit({"greet.cue": module("Hello"), "data.json": "{}", "logo.png": "x"})
    url = f"{server.http.url}/data.git"
    without = await resolve(fetching, url)
    head = "@extern(embed)\npackage greeting\n_data: _ @embed(file=data.json)"
    repository.commit({"greet.cue": module("Hello", head=head)})

    embedding = await resolve(fetching, url)

    assert set(without.module.files) == {"greet.cue"}
    assert set(embedding.module.files) == {"greet.cue", "data.json"}


async def test_https_with_a_password_and_a_certificate_of_ones_own(server: GitServer, fetching: Fetching) -> None:
    commit = server.repository("private.git").commit({"greet.cue": module("Hello")})
    ref = Ref(type="git", ref=f"{server.https.url}/private.git?ref=main")
    authority = {"ca.crt": server.certificate.certificate.read_bytes()}
    good = {**authority, "username": USER.encode(), "password": PASSWORD.encode() + b"\n"}

    resolved = await fetching.resolve(ref, read_secret=keys(good))

    assert resolved.revision == commit
    with pytest.raises(ModuleError, match=r"cueRef\.pullSecretRef: .*refuses access") as refused:
        await fetching.resolve(ref, read_secret=keys({**good, "password": b"wrong-one"}))
    assert "wrong-one" not in str(refused.value)
    with pytest.raises(ModuleError, match=r"cueRef\.pullSecretRef: .*refuses access"):
        await fetching.resolve(ref, read_secret=keys(authority))
    with pytest.raises(SourceUnavailable, match="certificate"):
        await fetching.resolve(ref, read_secret=keys({"username": b"a", "password": b"b"}))
    with pytest.raises(ModuleError, match=r"has the keys username and password .* it has identity"):
        await fetching.resolve(ref, read_secret=keys({"identity": b"x"}))


async def test_ssh_with_a_key_and_known_hosts(server: GitServer, fetching: Fetching) -> None:
    commit = server.repository("private.git").commit({"greet.cue": module("Hello")})
    ref = Ref(type="git", ref=f"{server.ssh.url}/private.git?ref=main")
    good = {"ssh-privatekey": server.ssh.private_key, "known_hosts": server.ssh.known_hosts}

    resolved = await fetching.resolve(ref, read_secret=keys(good))

    assert resolved.revision == commit
    assert resolved.module.files == {"greet.cue": module("Hello")}
    with GitServer(_folder(server, "stranger")) as stranger:
        strange_host = good["known_hosts"].split(b" ")[0] + b" " + stranger.ssh.known_hosts.split(b" ", 1)[1]
        with pytest.raises(ModuleError, match=r"cueRef\.pullSecretRef: known_hosts of the Secret lacks"):
            await fetching.resolve(ref, read_secret=keys({**good, "known_hosts": strange_host}))
        with pytest.raises(ModuleError, match=r"cueRef\.pullSecretRef: .*refuses access"):
            await fetching.resolve(ref, read_secret=keys({**good, "ssh-privatekey": stranger.ssh.private_key}))
    for missing in ("ssh-privatekey", "known_hosts"):
        with pytest.raises(ModuleError, match="ssh-privatekey, without a passphrase, and known_hosts"):
            await fetching.resolve(ref, read_secret=keys({key: good[key] for key in good if key != missing}))


async def test_what_is_not_there_is_named(server: GitServer, fetching: Fetching) -> None:
    repository = server.repository("greet.git")
    commit = repository.commit({"greet.cue": module("Hello")})
    url = f"{server.http.url}/greet.git"
    repository.tag("main", commit)

    with pytest.raises(ModuleError, match=r"cueRef\.ref: there is no repository .*/none\.git"):
        await resolve(fetching, f"{server.http.url}/none.git")
    with pytest.raises(ModuleError, match=r"cueRef\.ref: .* has no branch or tag nothing$"):
        await resolve(fetching, f"{url}?ref=nothing")
    with pytest.raises(ModuleError, match="a commit is named by all the digits of its id"):
        await resolve(fetching, f"{url}?ref={commit[:10]}")
    with pytest.raises(ModuleError, match=r"cueRef\.ref: .* has no commit 0{40}"):
        await resolve(fetching, f"{url}?ref={'0' * 40}")
    with pytest.raises(ModuleError, match=r"\?ref=refs/heads/main or \?ref=refs/tags/main"):
        await resolve(fetching, f"{url}?ref=main")
    server.repository("empty.git")
    with pytest.raises(ModuleError, match="no default branch"):
        await resolve(fetching, f"{server.http.url}/empty.git")


@pytest.mark.parametrize(
    ("url", "programs", "lacking"),
    [
        ("https://git.invalid/greet.git", (), "there is no git where the hub runs"),
        ("ssh://git@git.invalid/greet.git", (), "there is no git and no ssh where the hub runs"),
        ("ssh://git@git.invalid/greet.git", ("git",), "there is no ssh where the hub runs"),
    ],
)
async def test_a_program_that_is_not_there_is_named(
    fetching: Fetching,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    programs: tuple[str, ...],
    lacking: str,
) -> None:
    for name in programs:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(gitrun.GitMissing) as caught:
        await resolve(fetching, url)

    assert str(caught.value).startswith(f"{url}: {lacking}, which modules of type git over ")


async def test_a_server_that_is_away_is_told_and_costs_a_pinned_commit_nothing(
    tmp_path: Path, fetching: Fetching
) -> None:
    with GitServer(_sub(tmp_path, "server")) as server:
        commit = server.repository("greet.git").commit({"greet.cue": module("Hello")})
        branch = Ref(type="git", ref=f"{server.http.url}/greet.git?ref=main")
        pinned = Ref(type="git", ref=f"{server.http.url}/greet.git?ref={commit}")
        resolved = await fetching.resolve(branch, read_secret=keys({}))
    restarted = fresh(tmp_path)

    with pytest.raises(SourceUnavailable, match=r"greet\.git"):
        await restarted.resolve(branch, read_secret=keys({}))
    assert await restarted.last(branch) == resolved
    assert (await restarted.resolve(pinned, read_secret=unread)).module == resolved.module


async def test_a_branch_that_did_not_move_is_not_fetched_again_after_a_restart(
    server: GitServer, fetching: Fetching, tmp_path: Path
) -> None:
    server.repository("greet.git").commit({"greet.cue": module("Hello")})
    url = f"{server.http.url}/greet.git"
    await resolve(fetching, url)
    server.http.asked.clear()

    await resolve(fresh(tmp_path), url)

    # protocol version 2: the capabilities, then ls-refs
    assert len(server.http.asked) == 2


async def test_what_two_transforms_want_at_once_is_fetched_once(server: GitServer, fetching: Fetching) -> None:
    for name in ("alone.git", "shared.git"):
        server.repository(name).commit({"greet.cue": module("Hello")})
    await resolve(fetching, f"{server.http.url}/alone.git")
    requests_of_one = len(server.http.asked)
    server.http.asked.clear()

    one, two = await asyncio.gather(*(resolve(fetching, f"{server.http.url}/shared.git") for _ in range(2)))

    assert one == two
    assert len(server.http.asked) == requests_of_one + 2, "the second one has looked, and fetched nothing"


async def test_a_fetch_that_nobody_wants_any_more_leaves_no_process_and_no_file(
    server: GitServer, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = _sub(tmp_path, "temporary")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    server.repository("greet.git").commit({"greet.cue": module("Hello")})
    with server.http.silent():
        under_way = asyncio.create_task(resolve(fetching, f"{server.http.url}/greet.git"))
        await until_async(_as_async(lambda: server.http.asked and _processes_in(temporary)))

        under_way.cancel()
        await asyncio.wait([under_way])

        assert under_way.cancelled()
        gone = _as_async(lambda: not _processes_in(temporary) and not list(temporary.iterdir()))
        await until_async(gone, deadline_s=10)  # by itself, git gives a silent server up after 20 s
    assert (await resolve(fetching, f"{server.http.url}/greet.git")).module.files, "its place is free again"


async def test_a_server_that_says_nothing_is_given_up_and_git_is_gone(
    server: GitServer, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.repository("greet.git").commit({"greet.cue": module("Hello")})
    monkeypatch.setattr(git, "LOOK_TIMEOUT_S", 0.3)
    with server.http.silent(), pytest.raises(SourceUnavailable, match=r"did not end within 0\.3 s"):
        await resolve(fetching, f"{server.http.url}/greet.git")

    assert (await resolve(fetching, f"{server.http.url}/greet.git")).module.files


async def test_a_repository_larger_than_the_limit_is_refused(
    server: GitServer, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = "".join(f"{number * 7919 % 1000003:x}" for number in range(200_000))
    server.repository("large.git").commit({"greet.cue": module("Hello"), "noise.txt": noise})
    monkeypatch.setattr(gitrun, "MOST_PACK_BYTES", 100 * 1024)

    with pytest.raises(ModuleError, match="is larger than"):
        await resolve(fetching, f"{server.http.url}/large.git")


async def test_a_module_larger_than_the_limit_is_refused(server: GitServer, fetching: Fetching) -> None:
    server.repository("large.git").commit(
        {"greet.cue": module("Hello"), "big/more.cue": "package big\n" + "// comment\n" * 10**6}
    )

    with pytest.raises(ModuleError, match=r"10\.\d MiB together; a module has at most"):
        await resolve(fetching, f"{server.http.url}/large.git")


async def test_nothing_is_left_on_disk_but_the_cache(
    server: GitServer, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = _sub(tmp_path, "temporary")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    server.repository("greet.git").commit({"greet.cue": module("Hello")})

    await resolve(fetching, f"{server.http.url}/greet.git")

    assert list(temporary.iterdir()) == []


def _processes_in(folder: Path) -> list[str]:
    """The processes whose working folder lies below this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
    return found


def _as_async(observe: Callable[[], object]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return bool(observe())

    return look


def _folder(server: GitServer, name: str) -> Path:
    return _sub(server.certificate.key.parent, name)


def _sub(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made
