"""What answers the server's questions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ..errors import Error, InvalidPayload
from ..payloads import ANYTHING, Codec
from ..protocol.frames import encode_answer, encode_error, encode_failure
from .emitter import Report, Unbind
from .error import MicroSocketError

_MOST_UNANSWERED: Final = 256
_FAILED: Final = encode_error("internal_error", "The handler failed")


@dataclass(frozen=True, slots=True)
class Handler:
    """Answers one question."""

    function: Callable[[Any], Any]
    question: Codec[Any]
    answer: Codec[Any]


class Questions:
    """The handlers by event, of which each has one: the last one bound."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._handlers: dict[str, Handler] = {}
        self._unanswered = 0

    def bind(self, event: str, handler: Handler) -> Unbind:
        """Binds the handler of an event, in place of the one that it had."""
        self._handlers[event] = handler

        def unbind() -> None:
            if self._handlers.get(event) is handler:
                del self._handlers[event]

        return unbind

    async def answer(self, id_: int, event: str, payload: bytes) -> bytes:
        """The frame that answers a question; what goes wrong is an answer, too."""
        self._unanswered += 1
        try:
            return encode_answer(id_, await self._result(event, payload))
        except (MicroSocketError, Error) as error:
            return encode_failure(id_, self._failure(error))
        except Exception as error:
            # What went wrong here is for the developers of this program, not for the server.
            self._report(error)
            return encode_failure(id_, _FAILED)
        finally:
            self._unanswered -= 1

    async def _result(self, event: str, payload: bytes) -> bytes:
        handler = self._handlers.get(event)
        if handler is None:
            raise MicroSocketError("unknown_event", "No handler")
        if self._unanswered > _MOST_UNANSWERED:
            raise MicroSocketError("overloaded", "Too many questions", {"retry_after": 1})
        try:
            question = handler.question.decode(payload)
        except InvalidPayload as error:
            raise MicroSocketError("invalid_payload", error.message, error.details) from None
        result = handler.function(question)
        return handler.answer.encode(await result if inspect.isawaitable(result) else result)

    def _failure(self, error: MicroSocketError | Error) -> bytes:
        try:
            details = None if error.details is None else ANYTHING.encode(error.details)
            return encode_error(error.code, error.message, details)
        except Exception as unwritable:
            self._report(unwritable)
            return _FAILED
