"""A connection that nobody is at the other end of."""

from __future__ import annotations

import asyncio

from microsockets.client.liveness import Liveness

from tests.client.virtual import virtually


class Noticed:
    """What was noticed, and when."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self.noticed: list[tuple[str, float]] = []
        self.liveness = Liveness(lambda: self._note("ping"), lambda: self._note("dead"))

    def _note(self, what: str) -> None:
        self.noticed.append((what, round(self._loop.time() - self._start, 6)))


def test_after_15_s_of_silence_it_asks_and_gives_up_10_s_later() -> None:
    async def run() -> None:
        seen = Noticed()
        await asyncio.sleep(60)
        assert seen.noticed == [("ping", 15), ("dead", 25)]

    virtually(run())


def test_any_message_puts_the_question_off_and_is_an_answer() -> None:
    async def run() -> None:
        seen = Noticed()
        for _ in range(60):
            await asyncio.sleep(1)
            seen.liveness.heard()
        assert seen.noticed == []
        await asyncio.sleep(24.5)
        seen.liveness.heard()
        await asyncio.sleep(60)
        assert seen.noticed == [("ping", 75), ("ping", 99.5), ("dead", 109.5)]

    virtually(run())


def test_stopped_it_notices_nothing_any_more() -> None:
    async def run() -> None:
        for seconds in (5, 16):
            seen = Noticed()
            await asyncio.sleep(seconds)
            before = list(seen.noticed)
            seen.liveness.stop()
            await asyncio.sleep(60)
            assert seen.noticed == before

    virtually(run())


def test_a_program_that_was_blocked_while_it_waited_asks_again_once() -> None:
    async def run() -> None:
        seen = Noticed()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(20)
        real, ahead = loop.time, 3600.0
        loop.time = lambda: real() + ahead  # type: ignore[method-assign]
        await asyncio.sleep(60)
        assert [what for what, _ in seen.noticed] == ["ping", "ping", "dead"]
        assert seen.noticed[2][1] - seen.noticed[1][1] == 3

    virtually(run())
