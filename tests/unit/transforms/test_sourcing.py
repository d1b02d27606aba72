"""The modules of Transforms, followed on a scripted API server and in sources that a test tells what to say."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fleet.cue.errors import ModuleError
from fleet.cue.module import Module
from fleet.cue.remote.cache import ModuleCache
from fleet.cue.remote.fetching import Fetching
from fleet.cue.remote.origin import Resolved, SourceUnavailable
from fleet.errors import Transient
from fleet.ids import TransformName
from fleet.transforms.sourcing import Sourced, Sourcing
from fleet.transforms.spec import CueRef, PullSecretRef, SourceType
from tests.harness.waiting import until_async
from tests.unit.kube.scripted import answer, configmap, deleted, held, listing, modified, refusal, watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fleet.cue.remote.fetching import RemoteRef
    from fleet.cue.remote.origin import ReadSecret
    from fleet.errors import FleetError
    from fleet.kube.client import ClusterClient
    from tests.unit.kube.scripted import Answer, Manifest, ScriptedServer

WEB = TransformName("web")
CONFIG_MAP = CueRef(type=SourceType.CONFIGMAP, ref="ns/web")
BRANCH = CueRef(type=SourceType.GIT, ref="https://git.example.com/web.git?ref=main")
HELLO, GOOD_DAY = (Module.of({"a.cue": text}) for text in ("hello: 1", "goodDay: 1"))
AWAY = SourceUnavailable("git.example.com: connection refused")


class Answers(Fetching):
    """Sources without a network: each look has the next answer, and the last one for ever; None never comes."""

    def __init__(self, *answers: Resolved | Exception | None, last: Resolved | None = None) -> None:
        cache = ModuleCache(Path("/dev/null"), limit_bytes=1)
        super().__init__(cache, helper=Path("/dev/null"), look_every_s=0.001)
        self.answers = list(answers)
        self.looks = 0
        self.ended: list[str] = []
        self.secrets: list[object] = []
        self._last = last

    async def resolve(self, ref: RemoteRef, *, read_secret: ReadSecret, known: Resolved | None = None) -> Resolved:
        self.looks += 1
        self.secrets.append(await read_secret())
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if given is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append(ref.ref)
        if isinstance(given, Exception):
            raise given
        assert given is not None
        return known if given == known and known is not None else given

    async def last(self, ref: RemoteRef) -> Resolved | None:
        assert ref.type in self._sources
        return self._last


class Turns:
    """Counts the turns that a Transform is given."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, name: TransformName) -> None:
        assert name == WEB
        self.count += 1


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest_asyncio.fixture
async def sourcing_of(
    client: ClusterClient, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[Answers], Sourcing]]:
    """Makes one; its tasks end with the test."""
    monkeypatch.setattr("fleet.transforms.sourcing.RETRY_INITIAL_S", 0.001)
    made: list[Sourcing] = []

    def make(answers: Answers) -> Sourcing:
        made.append(Sourcing(client, fetching=answers, changed=turns))
        return made[-1]

    yield make
    for sourcing in made:
        assert sourcing._group._tasks == set(), "the test left its context"


def resolved(module: Module, revision: str, *, moves: bool = True) -> Resolved:
    return Resolved(module=module, revision=revision, origin=f"web.git at {revision}", moves=moves)


def holding(text: str, version: int) -> Manifest:
    return {**configmap("web", version), "data": {"a.cue": text}}


async def becomes(sourcing: Sourcing, ref: CueRef, accept: Callable[[Sourced], object]) -> Sourced:
    return await until_async(lambda: sourcing.current(WEB, ref), accept, pause_s=0.002)


def says(module: Module | None, error: str = "") -> Callable[[Sourced], bool]:
    return lambda known: (
        known.module == module and error in str(known.error or "") and bool(error) == bool(known.error)
    )


async def test_what_is_at_hand_is_there_at_once(sourcing_of: Callable[[Answers], Sourcing]) -> None:
    async with sourcing_of(Answers(AWAY)) as sourcing:
        known = await sourcing.current(WEB, CueRef(type=SourceType.INLINE, ref="a: 1"))

    assert known == Sourced(module=Module.of({"inline.cue": "a: 1"}))


# --- git repositories and registries ----------------------------------------------------------------------------


async def test_nothing_is_known_until_the_source_has_answered(
    sourcing_of: Callable[[Answers], Sourcing], turns: Turns
) -> None:
    async with sourcing_of(Answers(None)) as sourcing:
        assert await sourcing.current(WEB, BRANCH) == Sourced()
    assert turns.count == 0


async def test_a_branch_is_looked_at_again_and_only_news_give_a_turn(
    sourcing_of: Callable[[Answers], Sourcing], turns: Turns
) -> None:
    first, second = resolved(HELLO, "1"), resolved(GOOD_DAY, "2")
    answers = Answers(first, first, first, second)
    async with sourcing_of(answers) as sourcing:
        known = await becomes(sourcing, BRANCH, says(GOOD_DAY))
        await until_async(_as_async(lambda: answers.looks > 8))

    assert known.origin == "web.git at 2"
    assert turns.count == 2


async def test_a_pinned_revision_is_looked_at_until_it_was_had_once(
    sourcing_of: Callable[[Answers], Sourcing],
) -> None:
    answers = Answers(AWAY, ModuleError("no such commit"), resolved(HELLO, "1", moves=False))
    async with sourcing_of(answers) as sourcing:
        await becomes(sourcing, BRANCH, says(HELLO))
        await until_async(_as_async(lambda: not sourcing._group._tasks))

    assert answers.looks == 3


@pytest.mark.parametrize("error", [AWAY, ModuleError("cueRef.ref: no branch main"), KeyError("odd")])
async def test_what_was_known_stays_beside_an_error_and_the_source_may_come_back(
    sourcing_of: Callable[[Answers], Sourcing], error: Exception
) -> None:
    answers = Answers(resolved(HELLO, "1"), error)
    async with sourcing_of(answers) as sourcing:
        known = await becomes(sourcing, BRANCH, lambda known: known.error)
        answers.answers = [resolved(GOOD_DAY, "2")]
        await becomes(sourcing, BRANCH, says(GOOD_DAY))

    assert (known.module, known.origin) == (HELLO, "web.git at 1")


async def test_after_a_start_what_the_disk_remembers_stands_in(
    sourcing_of: Callable[[Answers], Sourcing],
) -> None:
    async with sourcing_of(Answers(AWAY, last=resolved(HELLO, "1"))) as sourcing:
        await becomes(sourcing, BRANCH, says(HELLO, "connection refused"))


@pytest.mark.parametrize(
    "other", [CueRef(type=SourceType.INLINE, ref="a: 1"), CueRef(type=SourceType.OCI, ref="b")]
)
async def test_another_ref_ends_the_look_at_the_one_before(
    sourcing_of: Callable[[Answers], Sourcing], other: CueRef
) -> None:
    answers = Answers(None)
    async with sourcing_of(answers) as sourcing:
        await becomes(sourcing, BRANCH, lambda _: answers.looks == 1)
        known = await sourcing.current(WEB, other)
        await until_async(_as_async(lambda: answers.ended == [BRANCH.ref]))

    assert known.error is None


async def test_a_transform_that_is_forgotten_and_a_context_that_is_left_end_their_tasks(
    sourcing_of: Callable[[Answers], Sourcing],
) -> None:
    answers = Answers(None)
    async with sourcing_of(answers) as sourcing:
        await becomes(sourcing, BRANCH, lambda _: answers.looks == 1)
        sourcing.forget(WEB)
        await until_async(_as_async(lambda: answers.ended == [BRANCH.ref]))
        await becomes(sourcing, BRANCH, lambda _: answers.looks == 2)

    assert len(answers.ended) == 2


@pytest.mark.parametrize(
    ("error", "failures", "pause_s"),
    [
        (None, 0, 66.0),
        (ModuleError("gone"), 0, 66.0),
        (AWAY, 1, 1.1),
        (AWAY, 3, 4.4),
        (AWAY, 20, 66.0),
        (Transient("busy", retry_after=90), 1, 99.0),
    ],
)
def test_pauses_are_the_interval_or_grow_to_it_and_are_spread(
    client: ClusterClient, error: FleetError | None, failures: int, pause_s: float
) -> None:
    answers = Answers(None)
    answers.look_every_s = 60.0
    asked: list[tuple[float, float]] = []

    def most(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    sourcing = Sourcing(client, fetching=answers, changed=lambda _: None, jitter=most)

    assert sourcing._pause_s(error, failures) == pytest.approx(pause_s)
    assert asked == [(1.0, 1.1)], "never earlier than was said"


# --- pull secrets -----------------------------------------------------------------------------------------------

PRIVATE = CueRef(
    type=SourceType.GIT, ref=BRANCH.ref, pull_secret_ref=PullSecretRef(name="pull", namespace="platform")
)


def secret(data: Any) -> Manifest:  # noqa: ANN401 - also what is none
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull"}, "data": data}


async def test_the_pull_secret_is_read_from_the_hub_cluster(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing]
) -> None:
    server.will(answer(secret({"password": base64.b64encode(b"hunter2").decode()})))
    answers = Answers(resolved(HELLO, "1", moves=False))
    async with sourcing_of(answers) as sourcing:
        await becomes(sourcing, PRIVATE, says(HELLO))

    assert answers.secrets == [{"password": b"hunter2"}]
    assert server.requests[0].path == "/api/v1/namespaces/platform/secrets/pull"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (refusal(404, "NotFound"), "there is no Secret platform/pull on the hub cluster"),
        (refusal(403, "Forbidden"), "the hub may not read Secret platform/pull; grant it get on it"),
        (answer(secret({"password": "hunter2!"})), "the data of Secret platform/pull is not base64"),
    ],
)
async def test_a_pull_secret_that_cannot_be_read_is_told(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing], given: Answer, told: str
) -> None:
    server.will(given, *[given] * 50)
    async with sourcing_of(Answers(resolved(HELLO, "1"))) as sourcing:
        known = await becomes(sourcing, PRIVATE, lambda known: known.error)

    assert str(known.error) == f"cueRef.pullSecretRef: {told}"


# --- ConfigMaps -------------------------------------------------------------------------------------------------


async def test_a_config_map_is_followed_by_a_watch_on_it_alone(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing], turns: Turns
) -> None:
    change, end = asyncio.Event(), asyncio.Event()
    server.will(
        listing(holding("hello: 1", 5), version=5),
        held(change, watching(modified(holding("goodDay: 1", 6)))),
        held(end, watching(deleted(holding("goodDay: 1", 7)), then="hang")),
    )
    async with sourcing_of(Answers(None)) as sourcing:
        known = await becomes(sourcing, CONFIG_MAP, says(HELLO))
        assert known.origin == "ConfigMap ns/web at resource version 5"
        change.set()
        known = await becomes(sourcing, CONFIG_MAP, says(GOOD_DAY))
        assert known.origin == "ConfigMap ns/web at resource version 6"
        end.set()
        await becomes(sourcing, CONFIG_MAP, says(GOOD_DAY, "there is no ConfigMap ns/web on the hub cluster"))

    assert turns.count == 3
    assert {each.path for each in server.requests} == {"/api/v1/namespaces/ns/configmaps"}
    assert {each.query["fieldSelector"] for each in server.requests} == {"metadata.name=web"}


async def test_a_config_map_that_is_none_leaves_what_was_known(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing]
) -> None:
    change = asyncio.Event()
    emptied = watching(modified(configmap("web", 6)), then="hang")
    server.will(listing(holding("hello: 1", 5), version=5), held(change, emptied))
    async with sourcing_of(Answers(None)) as sourcing:
        await becomes(sourcing, CONFIG_MAP, says(HELLO))
        change.set()
        await becomes(sourcing, CONFIG_MAP, says(HELLO, "there is no .cue file"))


async def test_why_a_config_map_cannot_be_seen_is_told_while_nothing_is_known_of_it(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing]
) -> None:
    server.will(refusal(403, "Forbidden", "configmaps is forbidden"), listing(version=5), watching(then="hang"))
    async with sourcing_of(Answers(None)) as sourcing:
        await becomes(sourcing, CONFIG_MAP, says(None, "configmaps is forbidden"))
        await becomes(sourcing, CONFIG_MAP, says(None, "there is no ConfigMap"))


async def test_a_broken_watch_is_no_news_of_a_config_map(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing], turns: Turns
) -> None:
    server.will(listing(version=5), refusal(500, "InternalError"), watching(then="hang"))
    async with sourcing_of(Answers(None)) as sourcing:
        await becomes(sourcing, CONFIG_MAP, says(None, "there is no ConfigMap"))
        await server.asked(3)
        await becomes(sourcing, CONFIG_MAP, says(None, "there is no ConfigMap"))

    assert turns.count == 1


async def test_a_ref_that_names_no_config_map_is_told_without_asking(
    server: ScriptedServer, sourcing_of: Callable[[Answers], Sourcing]
) -> None:
    ref = CueRef(type=SourceType.CONFIGMAP, ref="web")
    async with sourcing_of(Answers(None)) as sourcing:
        await becomes(sourcing, ref, says(None, "is not namespace/name of a ConfigMap"))

    assert server.requests == []


def _as_async(observe: Callable[[], object]) -> Callable[[], Any]:
    async def look() -> bool:
        return bool(observe())

    return look
