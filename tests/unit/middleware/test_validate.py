"""middleware/validate.py: from the payload's bytes to the handler's type."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets.errors import InvalidPayload
from microsockets.middleware import Call, Chain, ValidatePayload

from ..calls import Route, make_call


async def endpoint(call: Call) -> Any:
    return call.payload


async def test_the_payload_is_read_once_and_the_bytes_stay() -> None:
    call = make_call(raw=b"hi")
    assert await Chain([ValidatePayload()]).around("event", endpoint)(call) == "hi"
    assert call.raw == b"hi"


async def test_members_before_it_see_no_payload_and_its_failure() -> None:
    seen: list[str] = []

    class Refusing(Route):
        def read_payload(self, call: Call) -> Any:
            raise InvalidPayload("no")

    async def outer(call: Call, call_next: Any) -> Any:
        try:
            return await call_next(call)
        except InvalidPayload as error:
            seen.append(error.message)
            raise

    call = make_call()
    call.route = Refusing()
    with pytest.raises(InvalidPayload):
        await Chain([outer, ValidatePayload()]).around("event", endpoint)(call)
    assert seen == ["no"]
