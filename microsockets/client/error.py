"""What requests and streams raise."""

from __future__ import annotations

from typing import Any


class MicroSocketError(Exception):
    """A request or a stream failed, or something else that `on_error` tells.

    `code` is the server's (`ErrorCode`), one of the application's own, or one of the client's:

    - `disconnected`: the connection was lost or the socket is closed. The server may have acted on the event or not.
    - `timeout`: no answer in time, waiting in the queue included.
    - `overloaded`: the queue is full, or the reader of a stream or a listener is 1,000 items behind.
    - `too_large`: the server takes no frame of this size.
    - `invalid_answer`: the answer, or an item of the stream, is not of the type that was expected.
    - `bad_frame`: a stream where an answer was expected, or the other way round.

    `details` is what the code documents, if anything: `{"retry_after": seconds}` of `rate_limited` and `overloaded`
    from the server, and a list of `loc`, `msg` and `type` of `invalid_payload` and `invalid_answer`.

    Raise one in a handler of `handle()` to answer the server's question with it.
    """

    def __init__(self, code: str, message: str = "", details: Any = None) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message or code
        self.details = details
