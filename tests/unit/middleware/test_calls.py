"""middleware/calls.py: what a middleware is handed."""

from __future__ import annotations

import asyncio

import pytest
from microsockets.errors import UsageError
from microsockets.middleware import Call, ConnectCall, DisconnectCall, EmitCall
from microsockets.protocol.frames import NO_ID
from microsockets.signatures import CALL, ROLE_ATTRIBUTE

from ..calls import Peer, answer, make_call


@pytest.mark.parametrize(
    "call",
    [make_call(), ConnectCall(Peer(), None), DisconnectCall(Peer(), 1000), EmitCall(None, "x", None, "r", None)],
    ids=lambda call: type(call).__name__,
)
def test_every_call_has_a_state_of_its_own(call: Call | ConnectCall | DisconnectCall | EmitCall) -> None:
    call.state["seen"] = 1
    assert call.state == {"seen": 1}
    assert make_call().state == {}


class TestCall:
    def test_it_has_the_socket_the_event_and_the_bytes(self) -> None:
        peer = Peer()
        call = make_call(peer, event="join", raw=b"[1]")
        assert (call.socket, call.event, call.raw) == (peer, "join", b"[1]")

    def test_reading_the_payload_before_validation_raises_and_says_what_to_do(self) -> None:
        with pytest.raises(UsageError, match=r"read call\.raw, or list ValidatePayload\(\) before this middleware"):
            _ = make_call().payload

    @pytest.mark.parametrize("payload", [None, 0, "x"])
    def test_a_validated_payload_can_be_read_whatever_it_is(self, payload: object) -> None:
        call = make_call()
        call.payload = payload
        assert call.payload is payload

    @pytest.mark.parametrize(("id", "wanted"), [(0, True), (7, True), (NO_ID, False)])
    def test_an_answer_is_wanted_with_an_id(self, id: int, wanted: bool) -> None:
        assert make_call(id=id).wants_answer is wanted

    async def test_ending_cancels_its_task_and_says_why(self) -> None:
        call = make_call()
        call.task = asyncio.create_task(asyncio.Event().wait())
        call.end("timeout", 0.0)
        assert call.ended_by == "timeout"
        with pytest.raises(asyncio.CancelledError):
            await call.task

    def test_ending_one_that_waits_only_says_why(self) -> None:
        call = make_call()
        call.end("cancelled", 0.0)
        assert call.ended_by == "cancelled"

    def test_dependencies_can_ask_for_it(self) -> None:
        assert getattr(Call, ROLE_ATTRIBUTE) is CALL


def test_other_calls_carry_what_they_were_given() -> None:
    connect, disconnect = ConnectCall("ws", {"a": 1}), DisconnectCall("ws", 1006)
    emit = EmitCall("namespace", "x", [1], "room", "ws")
    assert (connect.socket, connect.params, connect.exits) == ("ws", {"a": 1}, None)
    assert (disconnect.socket, disconnect.code) == ("ws", 1006)
    assert (emit.namespace, emit.event, emit.payload, emit.to, emit.skip) == ("namespace", "x", [1], "room", "ws")


async def test_a_route_runs_its_call() -> None:
    call = make_call(raw=b"hi")
    assert await call.route.run(call) == await answer(call)
    assert call.route.read_payload(call) == "hi"
    assert call.route.encode("hi") == b"'hi'"
