"""The example of the push interface, under a real server."""

from __future__ import annotations

import pytest

from examples.pushed import app
from tests.server.serving import OUR_STACKS, Host, Stack
from tests.server.wire import BINARY, TEXT, Frame, close_frame, frame


@pytest.fixture(params=OUR_STACKS, ids=str)
def stack(request: pytest.FixtureRequest) -> Stack:
    chosen: Stack = request.param
    return chosen


def test_it_echoes(host: Host) -> None:
    wire = host.open(app)
    wire.send(frame(TEXT, "zwölf") + frame(BINARY, b"\xff"))
    assert [wire.frame(), wire.frame()] == [Frame(TEXT, "zwölf".encode()), Frame(BINARY, b"\xff")]
    wire.send(close_frame(1000))
    assert wire.closing().code == 1000
