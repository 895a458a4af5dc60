"""The processes of one application, as one of them sees the others."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from ..brokers import Broker, BrokerState
from ..errors import BrokerUnavailable, UsageError
from ..outbox import OutFrame
from ..rooms import FanOut, Recipients
from ..targets import RemoteSocket, Targets
from . import targets
from .messages import (
    Answer,
    AskCount,
    AskRooms,
    AskRosters,
    AskSockets,
    Broadcast,
    Bye,
    Change,
    Close,
    Codec,
    Count,
    Garbage,
    Hello,
    Message,
    Question,
    Rooms,
    Rosters,
    SocketData,
    Sockets,
    UnknownVersion,
    new_node_id,
)
from .nodes import BEAT_SECONDS, Nodes
from .questions import Questions
from .rosters import RosterSync

logger = logging.getLogger("microsockets.cluster")

A = TypeVar("A", bound=Answer)

_START_SECONDS: Final = 3.0
_MEET_SECONDS: Final = 0.25
"""How long others have to say that they are there, after we are."""
_ANSWER_SECONDS: Final = 2.0
_REMEMBERED_NODES: Final = 1_000
_REMEMBERED_NUMBERS: Final = 2_048
_SOCKETS_AT_ONCE: Final = 4_000
_ROOMS_AT_ONCE: Final = 1_000


class Cluster:
    """Sends to the sockets of other processes, asks about them, and delivers what others send.

    The channels it listens on follow the sockets that are here, so it gets what is for them and little else.
    """

    def __init__(self, open_broker: Callable[[], Broker], *, prefix: str) -> None:
        self.id = new_node_id()
        self.channels = targets.Channels(prefix)
        self.counters: Counter[str] = Counter()
        self.broker = open_broker()
        self._open_broker = open_broker
        self._codec = Codec(self.id)
        self._locals: dict[str, tuple[Recipients, FanOut]] = {}
        self._followed = {self.channels.all: None, self.channels.node(self.id): None}
        self._number = 0
        self._seen: OrderedDict[str, OrderedDict[int, None]] = OrderedDict()
        self._nodes = Nodes()
        self._questions = Questions()
        self.rosters = RosterSync(self)
        self._met_at = 0.0
        self._beat_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._up: asyncio.Event | None = None
        self._receivers: dict[type[Any], Callable[[str, Any], None]] = {
            Broadcast: self._broadcast,
            Hello: self._hello,
            Bye: self._bye,
            Close: self._close,
            AskSockets: self._asked,
            AskCount: self._asked,
            AskRooms: self._asked,
            AskRosters: self._asked,
            Sockets: self._questions.answer,
            Count: self._questions.answer,
            Rooms: self._questions.answer,
            Rosters: self._told_rosters,
            Change: self._told_change,
        }

    # Life

    def add(self, recipients: Recipients, fan_out: FanOut) -> None:
        """A namespace whose sockets are here."""
        self._locals[recipients.namespace] = (recipients, fan_out)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._up is not None

    def start(self) -> None:
        """Begins to connect; does not wait. Again is no change."""
        if self.is_running:
            return
        if self.broker.state is not BrokerState.IDLE:
            self.broker = self._open_broker()
        self.broker.counters = self.counters
        self._up = asyncio.Event()
        self.broker.start(self._receive, self._turned)
        for channel in self._followed:
            self.broker.subscribe(channel)
        self._run(self._beat())

    async def started(self) -> None:
        """Waits until the broker is up and the others have been met, for a few seconds at most: without a broker, the
        sockets of one process still reach each other."""
        assert self._up is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._up.wait()
                await self._meet()
        except TimeoutError:
            logger.warning("the broker does not answer yet; going on without it")

    async def stop(self) -> None:
        """Says good-bye, and ends what `start` began. Again is no change."""
        if not self.is_running:
            return
        self.send(self.channels.all, Bye())
        self._up = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._questions.fail()
        await self.broker.stop()
        for node in list(self._nodes):
            self._gone(node)

    def _run(self, coroutine: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _turned(self, state: BrokerState) -> None:
        if self._up is None:
            return
        if state is BrokerState.UP:
            now = asyncio.get_running_loop().time()
            self._nodes.forgive(now)
            self._met_at = now + _MEET_SECONDS
            self._up.set()
            self._greet(asks=True)
            self._run(self.rosters.ask_all())
        else:
            self._up.clear()
            self._questions.fail()

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._beat_at = loop.time()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = loop.time()
            if now - self._beat_at > 2 * BEAT_SECONDS:
                # It was this process that stood still, and what others said meanwhile is not read yet.
                self._nodes.forgive(now)
            self._beat_at = now
            if self.broker.state is BrokerState.UP:
                self._greet(asks=False)
                for node in self._nodes.expire(now):
                    logger.warning("node %s is gone without a word", node)
                    self._gone(node)

    def _greet(self, *, asks: bool) -> None:
        self.send(self.channels.all, Hello(asks, self.rosters.present, self.rosters.changed()))

    async def _meet(self) -> None:
        left = self._met_at - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)

    # Channels

    def follow(self, channel: str) -> asyncio.Future[None]:
        """Listens on a channel. The future is done when the broker has seen to it, or is not up."""
        self._followed[channel] = None
        if self.is_running:
            return self.broker.subscribe(channel)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def unfollow(self, channel: str) -> None:
        """Listens on a channel no more."""
        self._followed.pop(channel, None)
        if self.is_running:
            self.broker.unsubscribe(channel)

    def send(self, channel: str, message: Message) -> bool:
        """Gives a message to the broker; whether it takes it."""
        return self.broker.publish(channel, self._codec.encode(message))

    def send_node(self, node: str, message: Message) -> bool:
        """To one node."""
        return self.send(self.channels.node(node), message)

    # Sending to sockets

    def slot(self, event: str, to: Targets, key: object) -> bytes:
        """What a frame replaces and is replaced by, the same on every node."""
        return targets.slot(event, to, key)

    def publish(self, namespace: str, to: Targets, skip: Targets | None, frame: bytes, slot: bytes | None) -> bool:
        """Sends an encoded event to the sockets of other processes; whether the broker has it for all of them.

        Raises `UsageError` for one that is too large.
        """
        written = targets.write(to)
        if not written:
            return True
        self._number += 1
        message = Broadcast(self._number, namespace, written, targets.write(skip) if skip else [], slot, frame)
        return self._spread(namespace, written, message)

    def _spread(self, namespace: str, written: Sequence[str], message: Broadcast | Close) -> bool:
        data = self._codec.encode(message)
        channels = self.channels.reaching(namespace, written)
        reached = [self.broker.publish(channel, data) for channel in channels]
        if all(reached):
            return True
        self.counters["broker_missed"] += 1
        return False

    @property
    def congested(self) -> bool:
        """Whether one should wait for `ready` before more is sent."""
        return self.broker.congested

    async def ready(self) -> None:
        """Waits until the broker keeps up again, or is down."""
        await self.broker.ready()

    def close(self, namespace: str, to: Targets, skip: Targets | None, code: int, reason: str) -> bool:
        """Closes sockets of other processes; whether the broker has it."""
        written = targets.write(to)
        if not written:
            return True
        return self._spread(
            namespace, written, Close(namespace, written, targets.write(skip) if skip else [], code, reason)
        )

    # Asking

    async def sockets(self, namespace: str, to: Targets) -> list[RemoteSocket]:
        """The sockets of other processes. Raises `BrokerUnavailable`."""
        written = targets.write(to)
        if not written:
            return []
        answers = await self._ask(Sockets, lambda id: AskSockets(id, namespace, written))
        return [RemoteSocket(*each) for answer in answers for each in answer.sockets]

    async def count(self, namespace: str, to: Targets) -> int:
        """How many sockets of other processes they are. Raises `BrokerUnavailable`."""
        written = targets.write(to)
        if not written:
            return 0
        return sum(each.count for each in await self._ask(Count, lambda id: AskCount(id, namespace, written)))

    async def room_names(self, namespace: str, socket: str | None) -> list[str]:
        """The rooms of a socket of another process; without a socket, all rooms that have members there. Raises
        `BrokerUnavailable`."""
        answers = await self._ask(Rooms, lambda id: AskRooms(id, namespace, socket))
        return [name for answer in answers for name in answer.names]

    async def ask_rosters(self, channels: list[str]) -> list[Rosters]:
        """Asks everybody else who is present, and waits for the answers. Raises `BrokerUnavailable`."""
        return await self._ask(Rosters, lambda id: AskRosters(id, channels))

    async def _ask(self, kind: type[A], question: Callable[[int], Question]) -> list[A]:
        if self.broker.state is not BrokerState.UP:
            raise BrokerUnavailable
        await self._meet()
        id = self._questions.next_id()
        if not self.send(self.channels.all, question(id)):
            raise BrokerUnavailable
        suspects = self._suspects()
        alive = [node for node in self._nodes if node not in suspects]
        answers, silent = await self._questions.collect(id, kind, alive, _ANSWER_SECONDS)
        silent |= suspects
        if silent:
            self.counters["broker_unanswered"] += len(silent)
            logger.warning("no answer from %s", ", ".join(sorted(silent)))
        return answers

    def _suspects(self) -> set[str]:
        now = asyncio.get_running_loop().time()
        # Where this process has stood still itself, what others said meanwhile is not read yet.
        return self._nodes.suspects(now) if now - self._beat_at < 2 * BEAT_SECONDS else set()

    # Receiving

    def _receive(self, channel: str, data: bytes) -> None:
        try:
            decoded = self._codec.decode(data)
            if decoded is None:
                return
            node, message = decoded
            now = asyncio.get_running_loop().time()
            if node in self._nodes:
                self._nodes.hear(node, now)
            self._receivers[type(message)](node, message)
        except UnknownVersion:
            self.counters["broker_unknown_version"] += 1
        except (Garbage, UsageError):
            self.counters["broker_garbage"] += 1

    def _broadcast(self, node: str, message: Broadcast) -> None:
        to, skip = targets.read(message.to), targets.read(message.skip) if message.skip else None
        local = self._locals.get(message.namespace)
        if local is None or not self._is_first(node, message.number):
            return
        recipients, fan_out = local
        sockets = recipients.here(to, skip)
        if sockets:
            fan_out(sockets, OutFrame(message.frame, asyncio.get_running_loop().time(), message.slot))

    def _is_first(self, node: str, number: int) -> bool:
        """A broadcast for several rooms comes once for each channel."""
        seen = self._seen.get(node)
        if seen is None:
            seen = self._seen[node] = OrderedDict()
            if len(self._seen) > _REMEMBERED_NODES:
                self._seen.popitem(last=False)
        elif number in seen:
            return False
        seen[number] = None
        if len(seen) > _REMEMBERED_NUMBERS:
            seen.popitem(last=False)
        return True

    def _close(self, node: str, message: Close) -> None:
        to, skip = targets.read(message.to), targets.read(message.skip) if message.skip else None
        local = self._locals.get(message.namespace)
        if local is not None:
            for socket in list(local[0].here(to, skip)):
                socket.end(message.code, message.reason)

    def _hello(self, node: str, message: Hello) -> None:
        is_new = self._nodes.hear(node, asyncio.get_running_loop().time())
        if message.asks:
            self.send_node(node, Hello(False, self.rosters.present, self.rosters.changed()))
        if is_new:
            logger.info("node %s is here", node)
            if message.present:
                self.rosters.ask(node)
        elif message.asks:
            # It was away, and what changed there meanwhile nobody has been told.
            self.rosters.ask(node)
        elif message.changed:
            self.rosters.told_versions(node, message.changed)

    def _bye(self, node: str, message: Bye) -> None:
        if self._nodes.drop(node):
            logger.info("node %s has stopped", node)
            self._gone(node)

    def _gone(self, node: str) -> None:
        self._nodes.drop(node)
        self._seen.pop(node, None)
        self._questions.forget(node)
        self.rosters.drop(node)

    def _told_change(self, node: str, change: Change) -> None:
        self._met(node)
        self.rosters.told_change(node, change)

    def _met(self, node: str) -> None:
        """Whoever speaks for members has to be alive, or they would stay for ever, even if its greeting got lost."""
        if self._nodes.hear(node, asyncio.get_running_loop().time()):
            self.rosters.ask(node)

    def _told_rosters(self, node: str, told: Rosters) -> None:
        self._met(node)
        self.rosters.told_rosters(node, told)
        self._questions.answer(node, told)

    def _asked(self, node: str, question: Question) -> None:
        for answer in self._answers(question):
            self.send_node(node, answer)

    def _answers(self, question: Question) -> Iterator[Answer]:
        if isinstance(question, AskRosters):
            yield from self.rosters.answer(question)
            return
        local = self._locals.get(question.namespace)
        if isinstance(question, AskRooms):
            names: list[str] = []
            if local is not None:
                names = local[0].room_names(question.socket)
            for part, more in _parts(names, _ROOMS_AT_ONCE):
                yield Rooms(question.id, more, part)
            return
        sockets = local[0].here(targets.read(question.to), None) if local is not None else ()
        if isinstance(question, AskCount):
            yield Count(question.id, False, len(sockets))
            return
        known = [SocketData(each.id, each.user_id, each.protocol) for each in sockets]
        for some, more in _parts(known, _SOCKETS_AT_ONCE):
            yield Sockets(question.id, more, some)


P = TypeVar("P")


def _parts(items: list[P], size: int) -> Iterator[tuple[list[P], bool]]:
    """At least one, and whether there are more."""
    for start in range(0, max(1, len(items)), size):
        yield items[start : start + size], start + size < len(items)
