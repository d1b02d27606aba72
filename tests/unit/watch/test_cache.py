"""The cache, and a naive model of it that random histories of a cluster must agree with."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from fleet.kube.objects import LiveObject
from fleet.watch.cache import ObjectCache
from tests.unit.kube.scripted import configmap

if TYPE_CHECKING:
    from collections.abc import Iterable


def obj(name: str, version: int, *, uid: str = "", **labels: str) -> LiveObject:
    return LiveObject.decode(json.dumps(configmap(name, version, uid=uid, **labels)).encode())


def names(objects: Iterable[LiveObject]) -> list[str]:
    return [f"{each.meta.name}@{each.meta.resource_version}" for each in objects]


@pytest.fixture
def cache() -> ObjectCache:
    return ObjectCache(index_label="app")


def test_the_stream_is_taken_unless_a_write_told_it_before(cache: ObjectCache) -> None:
    assert cache.put(obj("a", 5))
    assert cache.learn(obj("a", 7))
    assert not cache.put(obj("a", 6))
    assert not cache.put(obj("a", 7))
    assert cache.put(obj("a", 8))
    assert names(cache) == ["a@8"]
    assert cache.get("ns", "a") is not None
    assert cache.get("ns", "b") is None


def test_the_late_answer_to_a_write_does_not_bring_back_what_is_gone(cache: ObjectCache) -> None:
    cache.put(obj("a", 5))
    assert cache.remove(obj("a", 9))

    assert not cache.learn(obj("a", 7))
    assert cache.learn(obj("a", 11))
    assert names(cache) == ["a@11"]


def test_the_late_answer_about_an_object_whose_whole_life_the_stream_told(cache: ObjectCache) -> None:
    cache.put(obj("other", 20))

    assert not cache.learn(obj("a", 7))
    assert len(cache) == 0 + 1


def test_a_deletion_spares_the_namesake_that_a_write_made_since(cache: ObjectCache) -> None:
    cache.put(obj("a", 5))
    cache.learn(obj("a", 10, uid="second"))

    assert not cache.remove(obj("a", 8))
    assert names(cache) == ["a@10"]


def test_a_list_tells_what_is_gone_new_and_different(cache: ObjectCache) -> None:
    for seen in (obj("same", 1), obj("changed", 2), obj("gone", 3)):
        cache.put(seen)

    news = cache.replace([obj("same", 1), obj("changed", 6), obj("new", 7)], version=10)

    assert names(news) == ["gone@3", "changed@6", "new@7"]
    assert names(cache) == ["same@1", "changed@6", "new@7"]


def test_a_list_does_not_undo_what_a_write_told_since_it_was_made(cache: ObjectCache) -> None:
    cache.put(obj("a", 5))
    cache.learn(obj("a", 12))
    cache.learn(obj("b", 13))

    assert cache.replace([obj("a", 5)], version=10) == []
    assert sorted(names(cache)) == ["a@12", "b@13"]


def test_a_list_from_before_is_one_of_a_restored_cluster(cache: ObjectCache) -> None:
    cache.replace([obj("a", 90), obj("b", 95)], version=100)
    cache.learn(obj("c", 120))

    news = cache.replace([obj("a", 40)], version=50)

    assert sorted(names(news)) == ["a@40", "b@95", "c@120"]
    assert names(cache) == ["a@40"]
    assert cache.put(obj("a", 51))


def test_a_namesake_of_the_same_version_in_another_cluster_is_news(cache: ObjectCache) -> None:
    cache.replace([obj("a", 5, uid="one")], version=10)

    assert names(cache.replace([obj("a", 5, uid="two")], version=10)) == ["a@5"]


def test_versions_that_cannot_be_ordered_are_taken_as_the_stream_gives_them(cache: ObjectCache) -> None:
    def unordered(version: str) -> LiveObject:
        document = configmap("a", 0)
        document["metadata"]["resourceVersion"] = version
        return LiveObject.decode(json.dumps(document).encode())

    assert names(cache.replace([unordered("")], version=0)) == ["a@"]
    assert cache.put(unordered("abc"))
    assert not cache.learn(unordered("def"))
    assert cache.remove(unordered("xyz"))


def test_the_index_follows_the_label(cache: ObjectCache) -> None:
    cache.put(obj("b", 1, app="x"))
    cache.put(obj("a", 2, app="x"))
    cache.put(obj("c", 3))
    assert names(cache.labelled("x")) == ["a@2", "b@1"]

    cache.put(obj("a", 4, app="y"))
    cache.remove(obj("b", 5, app="x"))

    assert names(cache.labelled("x")) == []
    assert names(cache.labelled("y")) == ["a@4"]
    assert dict(cache._index) == {"y": {("ns", "a")}}


class History:
    """A cluster, what its stream has still to tell, answers that are on their way, and who listens."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a repeatable choice
        self.version = 0
        self.truth: dict[str, LiveObject] = {}
        self.untold: list[tuple[str, LiveObject]] = []
        self.answers: list[LiveObject] = []
        self.cache = ObjectCache(index_label="app")
        self.believed: dict[str, int] = {}

    def write(self) -> None:
        self.version += 1
        name = self.chance.choice("abcdef")
        self.truth[name] = obj(name, self.version, app=self.chance.choice("xy"))
        self.untold.append(("put", self.truth[name]))
        self.answers.append(self.truth[name])

    def delete(self) -> None:
        name = self.chance.choice("abcdef")
        if known := self.truth.pop(name, None):
            self.version += 1
            self.untold.append(("remove", obj(name, self.version, **known.meta.labels)))

    def stream(self) -> None:
        if self.untold:
            how, seen = self.untold.pop(0)
            self.hear(seen, news=self.cache.put(seen) if how == "put" else self.cache.remove(seen))

    def answer(self) -> None:
        if self.answers:
            seen = self.answers.pop(self.chance.randrange(len(self.answers)))
            self.hear(seen, news=self.cache.learn(seen))

    def list(self) -> None:
        listed, version = list(self.truth.values()), self.version
        self.untold.clear()
        if self.chance.random() < 0.5:  # a write of ours is faster than the list
            self.write()
            self.answer()
        for seen in self.cache.replace(listed, version=version):
            self.hear(seen, news=True)

    def hear(self, seen: LiveObject, *, news: bool) -> None:
        """What a handler believes: it looks into the cache when it is told, as reconcilers do."""
        if not news:
            return
        latest = self.cache.get("ns", seen.meta.name)
        if latest is None:
            self.believed.pop(seen.meta.name, None)
        else:
            self.believed[seen.meta.name] = latest.version

    def check(self) -> None:
        indexed = sorted(key for keys in self.cache._index.values() for key in keys)
        assert indexed == sorted(self.cache._objects)
        assert self.believed == {each.meta.name: each.version for each in self.cache}


@pytest.mark.parametrize("seed", range(60))
def test_any_history_ends_as_the_cluster_is(seed: int) -> None:
    """Writes whose answers come late, a stream that lags, lists in between: nothing is lost or brought back."""
    history = History(seed)
    steps = (
        [history.write] * 8 + [history.delete] * 4 + [history.stream] * 12 + [history.answer] * 6 + [history.list]
    )
    for _ in range(600):
        history.chance.choice(steps)()
        history.check()

    while history.untold:
        history.stream()
    while history.answers:
        history.answer()

    history.check()
    assert history.believed == {name: each.version for name, each in history.truth.items()}
    for label in "xy":
        wanted = [name for name, each in sorted(history.truth.items()) if each.meta.labels["app"] == label]
        assert [each.meta.name for each in history.cache.labelled(label)] == wanted
