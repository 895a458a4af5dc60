"""Questions to all other nodes, and who has not answered yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Generic, TypeVar

from ..errors import BrokerUnavailable
from .messages import Answer

A = TypeVar("A", bound=Answer)


class _Open(Generic[A]):
    __slots__ = ("answers", "done", "kind", "waiting_for")

    def __init__(self, kind: type[A], waiting_for: Iterable[str]) -> None:
        self.kind = kind
        self.waiting_for = set(waiting_for)
        self.answers: list[A] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self) -> None:
        if not self.waiting_for and not self.done.done():
            self.done.set_result(None)


class Questions:
    """Collects the answers to questions, by their ids."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._open: dict[int, _Open[Answer]] = {}

    def next_id(self) -> int:
        """For a question."""
        return next(self._ids)

    async def collect(self, id: int, kind: type[A], nodes: Iterable[str], seconds: float) -> tuple[list[A], set[str]]:
        """The answers, once all of these nodes have answered, or are gone, or the time is over; and who has not.

        A node that is not known yet may answer as well. Raises `BrokerUnavailable` if the broker goes down meanwhile.
        """
        question = _Open(kind, nodes)
        self._open[id] = question  # type: ignore[assignment]
        question.settle()
        try:
            await asyncio.wait({question.done}, timeout=seconds)
            if question.done.done():
                question.done.result()
        finally:
            del self._open[id]
            question.done.cancel()
        return question.answers, question.waiting_for

    def answer(self, node: str, answer: Answer) -> None:
        """An answer came; one that nobody waits for is nothing."""
        question = self._open.get(answer.id)
        if question is not None and isinstance(answer, question.kind):
            question.answers.append(answer)
            if not answer.more:
                question.waiting_for.discard(node)
                question.settle()

    def forget(self, node: str) -> None:
        """The node is gone: nobody waits for it any more."""
        for question in list(self._open.values()):
            question.waiting_for.discard(node)
            question.settle()

    def fail(self) -> None:
        """The broker is down."""
        for question in list(self._open.values()):
            if not question.done.done():
                question.done.set_exception(BrokerUnavailable())
