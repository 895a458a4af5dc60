"""Who connects, asked anew before every attempt."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic_core import to_jsonable_python

from ..protocol.handshake import encode_auth


async def auth_entry(auth: Any) -> str | None:
    """The subprotocol entry that carries the auth data; None if there are none.

    `auth` is the data, or a function, plain or async, that gives them. Raises what the function raises, and
    `ValueError` for data that are no JSON or over 4 KiB.
    """
    data = auth
    if callable(auth):
        data = auth()
        if inspect.isawaitable(data):
            data = await data
    return None if data is None else encode_auth(to_jsonable_python(data, by_alias=True))
