import msgspec
import pytest

from fleet.cue import protocol
from fleet.cue.contract import InstanceMetadata, Meta, RenderInput
from fleet.cue.errors import (
    EngineCrashed,
    InputError,
    LimitExceeded,
    ModuleError,
    Problem,
    RenderError,
)
from fleet.errors import FleetError
from fleet.ids import NodeId

META = msgspec.json.Decoder(Meta)


def test_a_request_is_one_line_without_what_it_does_not_say() -> None:
    request = protocol.Request(id=4, op="inspect", module="sha256:1", limit_ms=500)

    line = protocol.encode_request(request)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line) == {"id": 4, "op": "inspect", "module": "sha256:1", "limitMs": 500}


def test_the_input_of_a_render_travels_as_the_module_reads_it() -> None:
    render_input = RenderInput(
        metadata=InstanceMetadata(name="shop", namespace="prod"),
        spec={"image": "nginx\n"},
        observed={NodeId("db"): {"status": {}}},
    )
    request = protocol.Request(op="render", input=protocol.encode_input(render_input))

    sent = msgspec.json.decode(protocol.encode_request(request))["input"]

    assert sent == {
        "metadata": {"name": "shop", "namespace": "prod", "labels": {}, "annotations": {}},
        "spec": {"image": "nginx\n"},
        "cluster": None,
        "observed": {"db": {"status": {}}},
    }


def test_managed_fields_do_not_travel_and_stay_where_they_are() -> None:
    live = {"metadata": {"name": "db", "managedFields": [{}]}, "status": {}}
    render_input = RenderInput(
        metadata=InstanceMetadata(name="shop", namespace="prod"), spec={}, observed={NodeId("db"): live}
    )

    sent = msgspec.json.decode(protocol.encode_input(render_input))["observed"]

    assert sent == {"db": {"metadata": {"name": "db"}, "status": {}}}
    assert "managedFields" in live["metadata"]


def test_a_result_is_decoded_to_its_type() -> None:
    reply = protocol.decode_reply(b'{"id":1,"result":{"kind":"WebService","new":1},"memoryBytes":7,"tookUs":3}\n')

    assert protocol.decode_result(reply, META) == Meta(kind="WebService")
    assert reply.memory_bytes == 7


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("module", ModuleError),
        ("input", InputError),
        ("render", RenderError),
        ("limit", LimitExceeded),
        ("internal", EngineCrashed),
        ("request", EngineCrashed),
        ("a code of tomorrow", EngineCrashed),
    ],
)
def test_a_failure_becomes_the_error_that_it_stands_for(code: str, expected: type[FleetError]) -> None:
    reply = protocol.decode_reply(
        msgspec.json.encode(
            {"id": 1, "error": {"code": code, "message": "no", "problems": [{"message": "why", "line": 3}]}}
        )
    )

    with pytest.raises(expected) as raised:
        protocol.decode_result(reply, META)

    if isinstance(raised.value, ModuleError):
        assert raised.value.problems == (Problem(message="why", line=3),)


@pytest.mark.parametrize("line", [b"", b"goroutine 1 [running]:\n", b'{"id":"x"}\n'])
def test_what_is_not_a_reply_is_a_crash(line: bytes) -> None:
    with pytest.raises(EngineCrashed, match="not a reply"):
        protocol.decode_reply(line)


def test_a_result_of_another_shape_is_a_crash() -> None:
    reply = protocol.decode_reply(b'{"id":1,"result":{"kind":3}}')

    with pytest.raises(EngineCrashed, match="unexpected result"):
        protocol.decode_result(reply, META)
