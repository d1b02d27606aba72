import msgspec
import pytest

from fleet.cue.contract import Json, Reads
from fleet.ids import NodeId
from fleet.kube.objects import LiveObject
from fleet.render.reading import digest, read_of

DB, WEB = NodeId("db"), NodeId("web")


def live(**body: Json) -> LiveObject:
    return LiveObject.decode(
        msgspec.json.encode({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}} | body)
    )


def seen() -> dict[NodeId, LiveObject]:
    return {
        DB: live(status={"host": "a", "port": 1, "conditions": [{"type": "Ready"}]}, spec={"size": 1}),
        WEB: live(status={}),
    }


@pytest.mark.parametrize(
    ("reads", "part"),
    [
        ({}, {}),
        (False, {}),
        ({"db": {"": True}}, {DB: {}}),
        ({"db": {"status": {"host": True}}}, {DB: {"status": {"host": "a"}}}),
        ({"db": {"status": {"gone": True}}}, {DB: {"status": {}}}),
        ({"db": {"status": {"host": {"deeper": True}}}}, {DB: {"status": {"host": "a"}}}),
        ({"db": {"status": {"conditions": True}}}, {DB: {"status": {"conditions": [{"type": "Ready"}]}}}),
        ({"web": {"status": True}, "unknown": True}, {WEB: {"status": {}}}),
    ],
)
def test_the_part_is_what_is_read_and_the_way_to_it(reads: Reads, part: dict[NodeId, Json]) -> None:
    assert read_of(seen(), reads) == part


def test_all_of_the_objects_where_all_of_them_is_read() -> None:
    objects = seen()

    assert read_of(objects, reads=True) == {node: each.body for node, each in objects.items()}
    assert read_of(objects, {"db": True}) == {DB: objects[DB].body}


def test_only_a_change_of_what_is_read_makes_a_difference() -> None:
    reads: Reads = {"db": {"status": {"host": True}}}
    before = digest(seen(), reads)

    elsewhere = seen() | {DB: live(status={"host": "a", "port": 2}), WEB: live(status={"x": 1})}
    moved = seen() | {DB: live(status={"host": "b"})}
    gone = {WEB: seen()[WEB]}

    assert digest(elsewhere, reads) == before
    assert digest(moved, reads) != before
    assert digest(gone, reads) != before


def test_being_there_makes_a_difference_where_it_is_read() -> None:
    reads: Reads
    for reads in ({"db": {"": True}}, {"db": {"": True, "status": {"gone": True}}}):
        assert digest(seen(), reads) == digest(seen() | {DB: live(status={})}, reads)
        assert digest({}, reads) != digest(seen(), reads)
    for reads in ({"db": {"status": {"gone": True}}}, {"db": {"status": {"gone": {"": True}}}}):
        assert digest({}, reads) == digest(seen(), reads), "there, but nothing of it that is read"
    assert digest({DB: live(status={"gone": None})}, {"db": {"status": {"gone": True}}}) != digest({}, {"db": {}})
    assert digest({DB: live(status={"gone": {}})}, {"db": {"status": {"gone": {"": True}}}}) != digest(
        {}, {"db": {}}
    )


def test_where_all_is_read_every_change_makes_a_difference() -> None:
    assert digest(seen(), reads=True) != digest(seen() | {WEB: live(status={"x": 1})}, reads=True)
    assert digest(seen(), reads=False) == digest({}, reads=False)
