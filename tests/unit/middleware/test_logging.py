"""middleware/logging.py: one line for each, without payloads."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from microsockets.errors import Forbidden, Refuse
from microsockets.middleware import ConnectCall, DisconnectCall, Logging

from ..calls import Peer, answer, make_call


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def raising(failure: BaseException) -> Any:
    async def run(call: Any) -> Any:
        raise failure

    return run


class TestConnect:
    async def test_a_connection_is_one_line(self, log: pytest.LogCaptureFixture) -> None:
        assert await Logging().connect(ConnectCall(Peer("s7"), None), answer) == "answer"
        assert log.messages == ["connect s7: ok"]
        assert (log.records[0].name, log.records[0].levelno) == ("microsockets.access", logging.INFO)

    async def test_a_refusal_is_one_line_with_its_code(self, log: pytest.LogCaptureFixture) -> None:
        with pytest.raises(Refuse):
            await Logging().connect(ConnectCall(Peer("s7"), None), raising(Refuse("forbidden", "secret")))
        assert log.messages == ["connect s7: forbidden"]

    @pytest.mark.parametrize(
        ("failure", "outcome"),
        [
            (ValueError("secret"), "internal_error"),
            (Forbidden("secret"), "forbidden"),
            (asyncio.CancelledError("secret"), "cancelled"),
        ],
    )
    async def test_a_failure_is_one_line_too(
        self, log: pytest.LogCaptureFixture, failure: BaseException, outcome: str
    ) -> None:
        with pytest.raises(type(failure)):
            await Logging().connect(ConnectCall(Peer("s7"), None), raising(failure))
        assert log.messages == [f"connect s7: {outcome}"]


class TestEvent:
    async def test_a_success_is_one_line_without_the_payload(self, log: pytest.LogCaptureFixture) -> None:
        assert await Logging().event(make_call(Peer("s7"), event="join", raw=b"secret"), answer) == "answer"
        [message] = log.messages
        assert message.startswith("event 'join' on s7: ok in ")
        assert message.endswith(" ms")

    @pytest.mark.parametrize(
        ("failure", "outcome"), [(Forbidden("secret"), "forbidden"), (ValueError("secret"), "internal_error")]
    )
    async def test_a_failure_is_one_line_with_its_code(
        self, log: pytest.LogCaptureFixture, failure: Exception, outcome: str
    ) -> None:
        with pytest.raises(type(failure)):
            await Logging().event(make_call(event="join"), raising(failure))
        [message] = log.messages
        assert f": {outcome} in " in message
        assert "secret" not in log.text

    @pytest.mark.parametrize("reason", ["timeout", "cancelled"])
    async def test_an_event_that_was_ended_says_by_what(self, log: pytest.LogCaptureFixture, reason: str) -> None:
        call = make_call()
        call.end(reason, 0.0)
        with pytest.raises(asyncio.CancelledError):
            await Logging().event(call, raising(asyncio.CancelledError()))
        assert f": {reason} in " in log.messages[0]

    async def test_an_event_that_was_cancelled_by_nobody_we_know_says_so(self, log: pytest.LogCaptureFixture) -> None:
        with pytest.raises(asyncio.CancelledError):
            await Logging().event(make_call(), raising(asyncio.CancelledError()))
        assert ": cancelled in " in log.messages[0]

    async def test_a_line_cannot_be_forged_by_the_name_of_an_event(self, log: pytest.LogCaptureFixture) -> None:
        await Logging().event(make_call(event="x\nconnect s8"), answer)
        assert "\n" not in log.messages[0]


async def test_a_disconnect_is_one_line_with_its_code(log: pytest.LogCaptureFixture) -> None:
    assert await Logging().disconnect(DisconnectCall(Peer("s7"), 1006), answer) == "answer"
    assert log.messages == ["disconnect s7: 1006"]


async def test_logger_and_level_may_be_given(log: pytest.LogCaptureFixture) -> None:
    middleware = Logging(logging.getLogger("mine"), logging.DEBUG)
    await middleware.disconnect(DisconnectCall(Peer(), 1000), answer)
    assert (log.records[0].name, log.records[0].levelno) == ("mine", logging.DEBUG)
