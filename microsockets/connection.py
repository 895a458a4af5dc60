"""One connection, start to end: admitted, accepted, read, answered, closed.

    receive -> decode -> route -> inbox -> worker -> chain -> handler -> encode -> outbox

Reading never waits for a handler, so answers to questions, `$cancel` and `$ping` pass a busy one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from .carriers import carrier_of
from .endpoint import Endpoint
from .errors import (
    AskError,
    BadFrame,
    Cancelled,
    Error,
    InternalError,
    Overloaded,
    RateLimited,
    Refuse,
    TimedOut,
    TooLarge,
    Unavailable,
    UnknownEvent,
    loggable,
)
from .middleware import Call, ConnectCall, DisconnectCall
from .outbox import DirectOutbox, Outbox, OutFrame
from .protocol.frames import (
    ABSENT,
    NO_ID,
    Frame,
    decode,
    decode_error,
    encode_answer,
    encode_end,
    encode_event,
    encode_failure,
    encode_hello,
    encode_item,
)
from .protocol.framing import frame_text
from .protocol.handshake import SUBPROTOCOL, Offer
from .runtime import Runtime
from .socket import Socket
from .status import HANDSHAKE_REFUSALS, CloseCode
from .types import Receive, Scope, Send
from .worker import RETRY_AFTER, Worker

logger = logging.getLogger("microsockets")

_ENDED: Final[dict[str, type[Error]]] = {"timeout": TimedOut, "cancelled": Cancelled, "disconnect": Cancelled}


class Connection:
    """One accepted or refused handshake and what follows. Made by the application, used once."""

    __slots__ = (
        "_accept_subprotocol",
        "_bad_frames",
        "_carrier",
        "_checks",
        "_ending",
        "_endpoint",
        "_find",
        "_limits",
        "_live",
        "_open",
        "_runtime",
        "_send",
        "_stopping",
        "_take_down",
        "message_bytes",
        "socket",
        "worker",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        runtime: Runtime,
        scope: Scope,
        receive: Receive,
        send: Send,
        offer: Offer,
    ) -> None:
        self._endpoint = endpoint
        self._runtime = runtime
        self._send = send
        self._limits = limits = endpoint.limits
        self._carrier = carrier_of(scope, receive, send, runtime, limits, self._give_up)
        self.message_bytes = limits.frame_bytes
        """The server passes larger messages over, and calls `too_large`."""
        self._find = endpoint.find
        self._checks = endpoint.checks
        self._accept_subprotocol = SUBPROTOCOL if offer.v1 else None
        self.socket: Socket[Any] = Socket(
            endpoint.recipients.new_socket_id(),
            scope,
            protocol="v1" if offer.v1 else "plain",
            auth=offer.auth,
            outbox=self._carrier.outbox,
            recipients=endpoint.recipients,
            speaker=endpoint.hub,
            runner=self,
            limits=limits,
            counters=runtime.counters,
        )
        # Idle connections are the many: what only traffic needs is made by traffic.
        self.worker: Worker | None = None
        self._open: dict[int, Call] | None = None
        self._bad_frames: deque[float] | None = None
        self._ending = False
        self._live = False
        self._stopping = False
        self._take_down: asyncio.Task[None] | None = None
        self._carrier.attach(self)

    # Start

    async def open(self, params: Callable[[], Any]) -> Refuse | Error | None:
        """Runs the connect chain, before anything is sent; `params()` reads what `on_connect` gets. Returns why the
        connection is refused, or None."""
        socket = self.socket
        if socket.protocol == "v1":
            socket.outbox.put(self._frame(self._hello()))
        call = ConnectCall(socket, None)
        try:
            await self._connect(call, params)
            self._check_user()
            await socket.accept()
        except BaseException as error:
            socket.outbox.forget()
            if call.succeeded or socket.accepted:
                # What on_connect has opened, on_disconnect closes.
                await self._end(CloseCode.INTERNAL_ERROR)
            else:
                socket.depart()
                socket.detach()
            if _is_interruption(error):
                raise
            return self._refusal(error)
        return None

    async def _connect(self, call: ConnectCall, params: Callable[[], Any]) -> None:
        limit = self._runtime.limit(self._limits.handler_seconds)
        try:
            async with limit:
                call.params = params()
                self.socket.session = await self._endpoint.connect(call)
        except BaseException as error:
            if call.exits is not None:
                await self._close_dependencies(call.exits, error, "connect")
            if limit.expired:
                raise TimedOut("The connection took too long to accept") from None
            raise
        if call.exits is not None:
            await self._close_dependencies(call.exits, None, "connect")

    def _refusal(self, failure: BaseException) -> Refuse | Error:
        if isinstance(failure, Error) and failure.code in HANDSHAKE_REFUSALS:
            return Refuse(failure.code, failure.message)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        if isinstance(failure, Refuse | Error):
            # Without its traceback, which refers to frames that refer to it.
            return failure.with_traceback(None)
        return self._internal("connect", failure)

    async def live(self) -> None:
        """Accepts, and runs until the connection is over and its last handler is through."""
        code = int(CloseCode.INTERNAL_ERROR)
        self._live = True
        try:
            await self._send({"type": "websocket.accept", "subprotocol": self._accept_subprotocol, "headers": []})
            self.socket.outbox.release()
            if self._ending:
                self._carrier.await_close()
            code = await self._carrier.run(self)
        except Exception as error:
            # The server raises when the client is lost before it was accepted.
            logger.warning("connection %s ended early", self.socket.id, exc_info=loggable(error))
            self.end(code, "internal_error")
        finally:
            self._live = False
            await asyncio.shield(self._take_down or self._runtime.take_down(self._end(code)))

    def _hello(self) -> bytes:
        limits = self._limits
        told = {
            "frame_bytes": limits.frame_bytes,
            "inbox_frames": limits.inbox_frames,
            "open_answers": limits.open_answers,
            "rooms": limits.rooms,
            "streams": limits.streams,
        }
        return encode_hello(self.socket.id, told, [], self._endpoint.contract())

    def _check_user(self) -> None:
        limit, user_id = self._limits.connections_per_user, self.socket.user_id
        if limit is not None and user_id is not None and len(self._endpoint.recipients.of_user(user_id)) >= limit:
            self._runtime.counters["connections_per_user"] += 1
            raise RateLimited("Too many connections of this user", retry_after=RETRY_AFTER)

    # Reading

    def closed(self, code: int, reason: str) -> None:
        """The server says that the connection is over."""
        if self._live:
            self._take_down = self._runtime.take_down(self._end(code))
            self._carrier.wake()

    @property
    def is_over(self) -> bool:
        """Whether the server has told the end of the connection."""
        return self._take_down is not None

    def congested(self, yes: bool) -> None:
        """The server says whether the reader is slow."""
        outbox = self.socket.outbox
        assert isinstance(outbox, DirectOutbox)
        outbox.congested(yes)

    def text(self, data: bytes) -> None:
        """One text frame. Never waits and never raises."""
        if self._ending:
            return
        size = len(data)
        limits = self._limits
        if size > limits.frame_bytes:
            self.too_large(size)
            return
        try:
            frame = decode(data)
        except BadFrame as error:
            self._bad_frame(error)
            return
        event = frame.event
        if event is None:
            self._answered(frame)
            return
        id = frame.id
        if id != NO_ID and self._open is not None and id in self._open:
            self._bad_frame(BadFrame("The id belongs to a request that has no answer yet"))
            return
        if event.startswith("$"):
            self._control(event, frame)
            return
        try:
            route = self._find(event)
        except Exception as error:
            self._fail(id, self._internal(event, error), None)
            return
        if route is None:
            self._fail(id, UnknownEvent(), None)
            return
        if self._stopping:
            self._fail(id, Unavailable("The server is restarting: connect again"), event)
            return
        worker = self.worker
        if worker is None:
            worker = self.worker = Worker(
                self._runtime.loop,
                self._runtime.counters,
                limits.streams,
                self._run,
                self._fail_call,
                holder=self._carrier.holder,
            )
            self._carrier.wake()
        limit: str | None = None
        if worker.queued >= limits.inbox_frames:
            limit = "inbox_frames"
        elif worker.queued_bytes + size > limits.inbox_bytes:
            limit = "inbox_bytes"
        elif id != NO_ID and self._open is not None and len(self._open) >= limits.open_answers:
            limit = "open_answers"
        if limit is not None:
            self._runtime.counters[limit] += 1
            self._fail(id, Overloaded("Too many events are waiting", retry_after=RETRY_AFTER), event)
            return
        call = Call(self.socket, event, bytes(frame.payload), id, route, size)
        if id != NO_ID:
            if self._open is None:
                self._open = {}
            self._open[id] = call
        worker.add(call)

    def binary(self, data: bytes) -> None:
        """One binary frame, which this protocol has none of."""
        if self._ending:
            return
        if len(data) > self._limits.frame_bytes:
            self.too_large(len(data))
        else:
            self._bad_frame(BadFrame("Send text frames; this protocol has no binary ones"))

    def too_large(self, size: int) -> None:
        """One frame that nobody reads, because of its size."""
        if self._ending:
            return
        self._runtime.counters["too_large"] += 1
        if size > self._limits.frame_bytes_close:
            self._runtime.counters["frame_bytes_close"] += 1
            self.end(CloseCode.TOO_BIG, "too_large")
            return
        self._fail(NO_ID, TooLarge(f"A frame has at most {self._limits.frame_bytes} bytes"), None)
        self._count_bad_frame()

    def _bad_frame(self, error: BadFrame) -> None:
        self._runtime.counters["bad_frame"] += 1
        self._fail(NO_ID, error, None)
        self._count_bad_frame()

    def _count_bad_frame(self) -> None:
        now = self._runtime.loop.time()
        if self._bad_frames is None:
            self._bad_frames = deque(maxlen=self._limits.bad_frames)
        times = self._bad_frames
        times.append(now)
        if len(times) == self._limits.bad_frames and now - times[0] <= self._limits.bad_frames_window:
            self._runtime.counters["flood"] += 1
            self.end(CloseCode.FLOOD, "bad_frame")

    def _answered(self, frame: Frame) -> None:
        future = self.socket.close_question(frame.ack)
        if future is None or future.done():
            # Too late, or never asked; the question may have timed out a moment ago.
            self._runtime.counters["late_answers"] += 1
            return
        if frame.payload is not ABSENT:
            future.set_result(bytes(frame.payload))
            return
        try:
            if frame.error is ABSENT:
                raise BadFrame('An answer needs "payload" or "error"')
            future.set_result(decode_error(bytes(frame.error)))
        except BadFrame as error:
            self._bad_frame(error)
            future.set_result(b"")

    def _control(self, event: str, frame: Frame) -> None:
        try:
            if event == "$cancel":
                self._cancel(bytes(frame.payload))
            elif event != "$ping":
                raise UnknownEvent
        except Error as error:
            if isinstance(error, BadFrame):
                self._runtime.counters["bad_frame"] += 1
                self._count_bad_frame()
            self._fail(frame.id, error, None)
        else:
            if frame.id != NO_ID:
                self._put(encode_answer(frame.id, b"null"))

    def _cancel(self, payload: bytes) -> None:
        if not payload.isdigit() or len(payload) > 16:
            raise BadFrame("The payload of $cancel is the id of a request")
        call = self._open.get(int(payload)) if self._open else None
        if call is None or call.ended_by is not None:
            return
        call.end("cancelled", self._runtime.loop.time())
        if call.task is None:
            # It waits in a queue, where it will be passed over.
            self._fail_call(call, Cancelled())

    # Running

    async def _run(self, call: Call) -> None:
        """Runs one call through its chain and answers it."""
        runtime = self._runtime
        route = call.route
        call.started = True
        call.deadline = runtime.loop.time() + route.seconds
        runtime.running.add(call)
        failure: BaseException | None = None
        try:
            answer: bytes | None = None
            try:
                result = await route.run(call)
                if call.ended_by is None:
                    answer = self._encode(call, result)
            except BaseException as error:
                failure = error
            finally:
                runtime.running.discard(call)
                call.finished = True
            if call.ended_by is not None:
                task = call.task
                assert task is not None
                for _ in range(call.cancels):
                    task.uncancel()
                if failure is not None and not isinstance(failure, Error | asyncio.CancelledError):
                    self._internal(call.event, failure)
                self._fail_call(call, _ENDED[call.ended_by]())
            elif failure is not None:
                self._fail_call(call, self._told(call, failure))
                if _is_interruption(failure):
                    raise failure
            elif answer is not None:
                assert self._open is not None
                self._open.pop(call.id, None)
                write = self.socket.outbox.write
                if write is not None:
                    write(frame_text(answer))
                else:
                    await self._finish(call, answer)
        finally:
            if call.exits is not None:
                await self._close_dependencies(call.exits, failure, call.event)
                # `put` did not wait for a slow reader; the next answer must not come before there is space for it.
                await self.socket.outbox.space()
            # An exception refers to this frame; together they would wait for the garbage collector.
            failure = None

    def _encode(self, call: Call, result: Any) -> bytes | None:
        route = call.route
        if call.id != NO_ID:
            return encode_end(call.id) if route.streams else encode_answer(call.id, route.encode(result))
        if self._checks.strict and not route.streams:
            route.encode(result)
        return None

    def _told(self, call: Call, failure: BaseException) -> Error:
        if isinstance(failure, Error):
            self._runtime.failures.undeclared(call.event, failure, call.route.raises)
            return failure
        if _is_interruption(failure):
            # Neither a time limit nor the client: the loop is going down, or the events were abandoned.
            return Cancelled()
        if self.socket.outbox.closed and isinstance(failure, AskError) and failure.code == "disconnected":
            # The client left while it was asked: nobody's fault, and nobody to answer.
            return Cancelled()
        return self._internal(call.event, failure)

    async def _close_dependencies(self, exits: AsyncExitStack, failure: BaseException | None, event: str) -> None:
        try:
            async with self._runtime.limit(self._limits.handler_seconds):
                if failure is None:
                    await exits.aclose()
                else:
                    await exits.__aexit__(type(failure), failure, failure.__traceback__)
        except BaseException as error:
            if _is_interruption(error):
                raise
            if error is not failure:
                self._internal(event, error)

    # Answering

    def _frame(self, data: bytes) -> OutFrame:
        return OutFrame(data, self._runtime.loop.time())

    def _put(self, data: bytes) -> None:
        self.socket.outbox.put(OutFrame(data, self._runtime.loop.time()))

    async def _finish(self, call: Call, data: bytes) -> None:
        """Answers where a write is more than a call."""
        if self.socket.outbox.closed:
            self._runtime.counters["answers_discarded"] += 1
        elif call.exits is None:
            await self.socket.outbox.deliver(self._frame(data))
        else:
            # Its dependencies are closed when the answer is queued, and must not wait for a slow reader.
            self._put(data)

    def _forget(self, call: Call) -> None:
        if self._open is not None and self._open.get(call.id) is call:
            del self._open[call.id]

    def _fail_call(self, call: Call, error: Error) -> None:
        self._forget(call)
        self._fail(call.id, error, call.event)

    def _fail(self, id: int, error: Error, event: str | None) -> None:
        """Answers with an error, or says `$error` where no id asked; only a known event is named there."""
        _, encoded = self._runtime.failures.tell(error, self.socket.id, event, named=id == NO_ID)
        if self.socket.outbox.closed:
            if id != NO_ID:
                self._runtime.counters["answers_discarded"] += 1
        elif id != NO_ID:
            self._put(encode_failure(id, encoded))
        else:
            self._put(encode_event("$error", encoded))

    def _internal(self, event: str, failure: BaseException) -> InternalError:
        return self._runtime.failures.internal(event, self.socket.id, failure)

    # End

    def drain(self, after_ms: int) -> bool:
        """The server will go, and the client should leave in so many milliseconds. Returns whether it was told."""
        if self.socket.protocol != "v1":
            return False
        self._put(encode_event("$drain", b'{"after_ms":%d}' % after_ms))
        return True

    def stop(self) -> None:
        """The server goes: the events that were received finish, and the connection is closed with 1012."""
        if not self._stopping:
            self._stopping = True
            self._runtime.take_down(self._stop())

    async def _stop(self) -> None:
        if self.worker is not None:
            await self.worker.idle()
        self.end(CloseCode.RESTART, "restart")

    def end(self, code: int, reason: str) -> None:
        """Closes from our side after what is queued; the rest follows from the disconnect the server reports."""
        if self._ending:
            return
        self._ending = True
        self.socket.code = int(code)
        self.socket.outbox.finish(int(code), reason)
        if self.socket.connected:
            self.socket.connected = False
            self._carrier.await_close()

    def _give_up(self) -> None:
        """The reader is too slow: its outbox was dropped."""
        if not self._ending:
            self._ending = True
            self.socket.code = int(CloseCode.SLOW_READER)
        self.socket.connected = False
        self._carrier.give_up(int(self.socket.code or CloseCode.SLOW_READER))

    async def _end(self, code: int) -> None:
        socket = self.socket
        if not self._ending:
            socket.code = code
        self._ending = True
        await self._carrier.end(int(socket.code or code))
        deadline = self._runtime.loop.time() + self._limits.disconnect_seconds
        leftover = socket.spawned
        socket.depart()
        if self.worker is not None:
            leftover |= self.worker.end_streams()
        if leftover:
            await asyncio.wait(leftover, timeout=self._limits.disconnect_seconds)
        if self.worker is not None:
            abandoned = await self.worker.finish(max(0.0, deadline - self._runtime.loop.time()))
            if abandoned:
                self._runtime.counters["events_abandoned"] += abandoned
                logger.warning("%s events of %s did not finish in time after its disconnect", abandoned, socket.id)
        call = DisconnectCall(socket, socket.code or code)
        await self._last_step("disconnect", self._endpoint.disconnect(call))
        if call.exits is not None:
            await self._close_dependencies(call.exits, None, "disconnect")
        await self._last_step("leaving rooms", socket.retire())
        # Without these, what refers to each other would wait for the garbage collector, and there are many.
        self.worker = None
        socket.detach()

    async def _last_step(self, what: str, step: Awaitable[Any]) -> None:
        try:
            async with self._runtime.limit(self._limits.handler_seconds):
                await step
        except BaseException as error:
            if _is_interruption(error):
                raise
            self._internal(what, error)


def _is_interruption(error: BaseException) -> bool:
    """Whether an exception is meant for the task or the process, and not something that the application raised."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt)


async def send_item(call: Call, item: bytes) -> None:
    """Sends one item of a stream, when its outbox has room."""
    outbox: Outbox = call.socket.outbox
    data = encode_item(call.id, item)
    await outbox.space(len(data))
    if outbox.closed or call.ended_by is not None:
        # Nobody reads any more: without this a generator that never waits would never be stopped either.
        raise Cancelled
    outbox.put(OutFrame(data, asyncio.get_running_loop().time()))
