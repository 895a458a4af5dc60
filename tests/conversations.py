"""Generated conversations: any peers, any frames, valid or not, in any order; and what must be true of all of them.

Nothing but answers, `$error`, declared events and documented closes comes back; a request gets exactly one answer, or
its connection closes; each malformed frame gets one error; a well-behaved witness never notices; no task is left over.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from microsockets import Application
from microsockets.testing import Client, Peer, Refused

from tests.hall import CLOSES, CODES, FAILURES, HANDLED, REST, SENT_EVENTS, Hall, build
from tests.jumping import JumpingLoop

# What is said


@dataclass(frozen=True)
class Connect:
    seat: int
    path: str = "/hall/main"
    v1: bool = True
    query: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Leave:
    seat: int
    code: int = 1000


@dataclass(frozen=True)
class Pause:
    seat: int
    reading: bool


@dataclass(frozen=True)
class Say:
    """A frame of the right shape. `id`: None, "new", or "old": one that was used before, and may be in flight."""

    seat: int
    event: str
    payload: str | None
    id: str | None


@dataclass(frozen=True)
class Cancel:
    """Cancels the request made so many requests ago."""

    seat: int
    ago: int


@dataclass(frozen=True)
class Malformed:
    """A frame that must get `bad_frame`."""

    seat: int
    frame: str | bytes


@dataclass(frozen=True)
class Wild:
    """A frame that must not hurt, whatever it turns out to be."""

    seat: int
    text: str


@dataclass(frozen=True)
class Oversized:
    seat: int
    size: int
    binary: bool


@dataclass(frozen=True)
class Reply:
    """Answers the oldest open question, or one that was never asked."""

    seat: int
    body: str


@dataclass(frozen=True)
class Wait:
    seconds: float


Step = Connect | Leave | Pause | Say | Cancel | Malformed | Wild | Oversized | Reply | Wait

SAYINGS: Sequence[tuple[str, str | None]] = (
    ("echo", None),
    ("echo", '"hi"'),
    ("echo", '{"a":[1,2.5,null,"\\u00e4"]}'),
    ("echo", '"before"'),
    ("echo", '"after"'),
    ("echo", "1e999"),
    ("echo", "[" * 300 + "]" * 300),
    ("say", '{"text":"hello"}'),
    ("say", '{"text":"hello","room":"lobby"}'),
    ("say", '{"text":"emit"}'),
    ("say", '{"text":1}'),
    ("say", '{"text":"' + "x" * 30 + '"}'),
    ("move", '{"who":1,"x":2}'),
    ("move", '{"who":2,"x":"hunter2"}'),
    ("join", '"lobby"'),
    ("join", '"a"'),
    ("join", '"b"'),
    ("join", '"a name that is too long"'),
    ("join", '""'),
    ("leave", '"a"'),
    *(("fail", str(number)) for number in range(len(FAILURES))),
    ("full", None),
    ("wrong", None),
    ("nap", "0"),
    ("nap", "0.3"),
    ("nap", "1"),
    ("nap", '""'),
    ("beside", None),
    ("beside", "0.3"),
    ("beside", "1"),
    ("count", "0"),
    ("count", "3"),
    ("count", "25"),
    ("count", "31"),
    ("count", "-4"),
    ("count", "[]"),
    ("ask", None),
    ("depend", None),
    ("seldom", None),
    ("spawn", "0"),
    ("spawn", "0.2"),
    ("spawn", "99"),
    ("bye", None),
    ("bye", "4000"),
    ("nope", None),
    ("on_connect", None),
    ("connect", "1"),
    ("__class__", "{}"),
    ("", "1"),
    ("$nope", None),
    ("$ping", None),
)

MALFORMED: Sequence[str | bytes] = (
    "",
    " ",
    "no json",
    "null",
    "true",
    "1",
    '"echo"',
    "[]",
    '["echo"]',
    "{}",
    '{"event":null}',
    '{"event":1}',
    '{"event":["echo"]}',
    '{"payload":1}',
    '{"id":1}',
    '{"event":"echo"',
    '{"event":"echo"}}',
    '{"event":"echo"}{"event":"echo"}',
    "{'event':'echo'}",
    '{"event":"echo","payload":}',
    '{"event":"echo","payload":NaN}',
    '{"event":"echo","payload":-Infinity}',
    '{"event":"echo","payload":01}',
    '{"event":"echo","payload":"\\ud800"}',
    '{"event":"echo","id":"1"}',
    '{"event":"echo","id":-1}',
    '{"event":"echo","id":1.5}',
    '{"event":"echo","id":null}',
    '{"event":"echo","id":true}',
    '{"event":"echo","id":9007199254740992}',
    '{"event":"echo","id":' + "9" * 500 + "}",
    '{"event":"\\ud800"}',
    '{"event":"echo","ack":1}',
    '{"ack":"1","payload":1}',
    '{"ack":-1,"payload":1}',
    '{"ack":1.5}',
    '{"event":"$cancel"}',
    '{"event":"$cancel","payload":"1"}',
    '{"event":"$cancel","payload":-1}',
    "[" * 1000,
    '{"a":' * 200,
    "\ud800",
    '{"event":"\udfff"}',
    "\x00",
    "\ufeff{}",
    b"",
    b"\x00\xff",
    b'{"event":"echo"}',
)

REPLIES: Sequence[str] = (
    '"payload":true',
    '"payload":"no bool"',
    '"error":{"code":"no"}',
    '"payload":1e999',
    '"item":1',
)
BAD_REPLIES: Sequence[str] = ('"error":1', '"error":{}', '"error":{"code":1}')

QUERIES: Sequence[Mapping[str, str]] = (
    {},
    {"user": "ann"},
    {"user": "bug"},
    {"why": "forbidden"},
    {"why": "unauthorized"},
    {"why": "not_found"},
    {"why": "bug"},
    {"why": "slow"},
    {"name": "twice"},
)
PATHS = ("/hall/main", "/hall/main", "/hall/side", "/classic", "/hall/")

SEATS = st.integers(0, 2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


def _cut(saying: tuple[str, str | None], at: int, put: str) -> str:
    text = '{{"event":"{}","payload":{}}}'.format(saying[0], saying[1] or "null")
    at %= len(text) + 1
    return text[:at] + put + text[at + 1 :]


def _say_text(payload: Any) -> str:
    return json.dumps({"event": "say", "payload": payload})


WILD: SearchStrategy[str] = st.one_of(
    st.text(max_size=20),
    JSON.map(json.dumps),
    JSON.map(_say_text),
    st.builds(
        _cut, st.sampled_from(SAYINGS), st.integers(0, 60), st.sampled_from(["", '"', "}", "[", "\\", "9", "\x00"])
    ),
)


def _say(seat: int, saying: tuple[str, str | None], id: str | None) -> Say:
    return Say(seat, *saying, id)


STEPS: Sequence[tuple[int, SearchStrategy[Step]]] = (
    (14, st.builds(_say, SEATS, st.sampled_from(SAYINGS), st.sampled_from([None, "new", "new", "old"]))),
    (4, st.builds(Malformed, SEATS, st.sampled_from(MALFORMED))),
    (2, st.builds(Wild, SEATS, WILD)),
    (2, st.builds(Wait, st.sampled_from([0.0, 0.0, 0.15, 0.6, 2.0]))),
    (2, st.builds(Reply, SEATS, st.sampled_from([*REPLIES, *BAD_REPLIES]))),
    (2, st.builds(Cancel, SEATS, st.integers(0, 3))),
    (1, st.builds(Oversized, SEATS, st.sampled_from([1025, 4096, 4097]), st.booleans())),
    (1, st.builds(Pause, SEATS, st.booleans())),
    (1, st.builds(Leave, SEATS, st.sampled_from([1000, 1001, 1005, 1006, 4999]))),
    (3, st.builds(Connect, SEATS, st.sampled_from(PATHS), st.booleans(), st.sampled_from(QUERIES))),
)


def conversations(least: int = 4, most: int = 16) -> SearchStrategy[list[Step]]:
    """Two connected peers and so many steps more."""
    choices = [strategy for weight, strategy in STEPS for _ in range(weight)]
    step = st.sampled_from(choices).flatmap(lambda strategy: strategy)
    start: list[Step] = [Connect(0), Connect(1, v1=False)]
    return st.lists(step, min_size=least, max_size=most).map(lambda steps: start + steps)


# What comes back

PING = 2**53 - 1
REFUSED_STATUS = {400, 401, 403, 404, 429, 500, 503}
REFUSED_CODES = {4401, 4503, 4504}


class Seat:
    """One connection of a conversation: what was sent, and what therefore may come back."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.ids: list[int] = []
        self.sent: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.malformed = 0
        self.loose = 0
        self.oversized = 0
        self.asked = 0
        self.replied = 0
        self.paused = False

    async def take(self, step: Step) -> None:
        """Does what a step says."""
        match step:
            case Say():
                await self._say(step)
            case Cancel():
                id = self.ids[-1 - step.ago] if step.ago < len(self.ids) else 999
                await self.peer.send("$cancel", id)
            case Malformed():
                self.malformed += 1
                if isinstance(step.frame, str):
                    await self.peer.send_text(step.frame)
                else:
                    await self.peer.send_bytes(step.frame)
            case Wild():
                self.loose += 1
                await self.peer.send_text(step.text)
            case Oversized():
                self.oversized += 1
                await (self.peer.send_bytes(b"x" * step.size) if step.binary else self.peer.send_text("x" * step.size))
            case Reply():
                await self._reply(step)
            case Pause():
                if step.reading:
                    self.peer.resume_reading()
                else:
                    self.paused = True
                    self.peer.pause_reading()
            case _:
                raise AssertionError(step)

    async def _say(self, step: Say) -> None:
        parts = [f'"event":{json.dumps(step.event)}']
        if step.payload is not None:
            parts.append(f'"payload":{step.payload}')
        if step.id is None:
            # Where no id asks, some of what may be wrong with a payload is told as bad_frame too.
            self.loose += 1
        else:
            id = self.ids[-1] if step.id == "old" and self.ids else len(self.ids)
            self.ids.append(id)
            self.sent[id] += 1
            parts.append(f'"id":{id}')
        self.asked += step.event == "ask"
        await self.peer.send_text("{" + ",".join(parts) + "}")

    async def _reply(self, step: Reply) -> None:
        self.loose += step.body in BAD_REPLIES
        if self.replied < self.asked:
            await self.peer.send_text(f'{{"ack":{self.replied},{step.body}}}')
            self.replied += 1
        else:
            await self.peer.send_text(f'{{"ack":99,{step.body}}}')

    async def leave(self, code: int) -> None:
        """Closes from the client's side, and looks at what came before."""
        await self.peer.close(code)
        await self._drain()
        self._check(open=False)

    async def finish(self) -> None:
        """When all time limits are over: everything was answered, or the connection closed."""
        self.sent[PING] += 1
        await self.peer.send("$ping", id=PING)
        await self._drain()
        if self.answered[PING]:
            self._check(open=True)
            return
        try:
            code, _ = await self.peer.receive_close()
        except AssertionError:
            # A reader that stalls for long is cut off without a close frame, which it would not take.
            assert self.paused
        else:
            assert code in CLOSES, code
        self._check(open=False)

    async def _drain(self) -> None:
        timeout, self.peer.timeout = self.peer.timeout, 0.01
        while not self.answered[PING]:
            try:
                frame = await self.peer.receive_frame()
            except AssertionError:
                break
            self._read(frame)
        self.peer.timeout = timeout

    def _read(self, frame: dict[str, Any]) -> None:
        json.dumps(frame, allow_nan=False)
        if "ack" in frame:
            id = frame["ack"]
            assert self.answered[id] < self.sent[id], f"more than one answer: {frame}"
            (kind,) = frame.keys() - {"ack"} or {"end"}
            assert kind in {"payload", "error", "item", "end"}, frame
            if kind == "error":
                self._read_error(frame["error"], {"details"})
            self.answered[id] += kind != "item"
        elif frame["event"] == "confirm":
            assert frame.keys() == {"event", "id", "payload"}, frame
        else:
            assert frame.keys() == {"event", "payload"}, frame
            if frame["event"] == "$error":
                self._read_error(frame["payload"], {"details", "event"})
                assert frame["payload"].get("event", "echo") in HANDLED, frame
                self.errors[frame["payload"]["code"]] += 1
            else:
                assert frame["event"] in SENT_EVENTS, frame

    def _read_error(self, error: dict[str, Any], optional: set[str]) -> None:
        assert error.keys() - optional == {"code", "message"}, error
        assert error["code"] in CODES, error
        assert isinstance(error["message"], str)
        assert "hunter2" not in str(error)

    def _check(self, *, open: bool) -> None:
        if not open:
            assert self.errors["bad_frame"] <= self.malformed + self.loose + self._repeated()
            return
        unanswered = [id for id in self.sent if not self.answered[id]]
        assert not unanswered, f"no answer to {unanswered}"
        expected = self.malformed + self._repeated()
        assert expected <= self.errors["bad_frame"] <= expected + self.loose
        assert self.errors["too_large"] == self.oversized

    def _repeated(self) -> int:
        # An id that was in flight is a bad frame and has no answer of its own.
        return sum((self.sent - self.answered).values())


async def _connect(client: Client, step: Connect) -> Seat | None:
    try:
        return Seat(await client.connect(step.path, v1=step.v1, query=step.query))
    except Refused as error:
        refused = error
    if refused.status is None:
        assert step.v1
        assert refused.code in REFUSED_CODES
    else:
        assert refused.status in REFUSED_STATUS
        assert not (step.v1 and refused.status in {401, 404})
    return None


async def _converse(app: Application, steps: Sequence[Step]) -> None:
    loop = asyncio.get_running_loop()
    unhandled: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    async with Client(app, timeout=REST) as client:
        witness = Seat(await client.connect("/hall/witness"))
        seats: dict[int, Seat] = {}
        for step in steps:
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Connect):
                if step.seat not in seats and (seat := await _connect(client, step)) is not None:
                    seats[step.seat] = seat
            elif isinstance(step, Leave):
                if (seat := seats.pop(step.seat, None)) is not None:
                    await seat.leave(step.code)
            elif step.seat in seats:
                await seats[step.seat].take(step)
        for seat in seats.values():
            seat.peer.resume_reading()
        await asyncio.sleep(REST)
        for seat in seats.values():
            await seat.finish()
        assert await witness.peer.request("echo", "still here") == "still here"
        await witness.finish()
        assert not witness.errors
    for room in ("lobby", "a", "b"):
        assert await app[Hall].rooms.members(room) == []
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left over"
    assert not unhandled


def converse(steps: Sequence[Step]) -> int:
    """Holds a conversation with a new application; the number of its frames."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(_converse(build(), steps))
    return sum(isinstance(step, Say | Cancel | Malformed | Wild | Oversized | Reply) for step in steps)
