"""What ties the declared events of a namespace to a running application."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Hashable, Iterator
from typing import Any, Final, Generic

from typing_extensions import TypeVar

from .attendance import Attendance
from .checks import Checks
from .errors import AskError, BadFrame, InvalidPayload, UsageError
from .events import Ask, Event
from .middleware import Chain, EmitCall
from .namespace import Namespace
from .outbox import OutFrame
from .payloads import ANYTHING
from .place import aside
from .protocol.frames import ErrorObject, check_numbers, encode_question, event_head
from .rooms import Recipients
from .socket import Socket
from .targets import Reached, Targets, target_key

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")

_LET_WRITE: Final = 16
_LET_WRITE_BYTES: Final = 64 * 1024
"""Sends and bytes after which the writers get a turn: a loop of sends must not overflow healthy readers or block the
event loop."""


class Hub:
    """One namespace of a running application: what its sockets and its declared events send goes through here."""

    def __init__(
        self,
        namespace: Namespace | None,
        recipients: Recipients,
        *,
        chain: Chain,
        checks: Checks,
    ) -> None:
        self.recipients = recipients
        self._elsewhere = recipients.elsewhere
        if self._elsewhere is not None:
            self._elsewhere.add(recipients, self.fan_out)
        self._namespace = namespace
        self._checks = checks
        self._unwritten = self._unwritten_bytes = 0
        self._events: dict[str, Event[Any]] = {}
        self._asks: dict[str, Ask[Any, Any]] = {}
        self._run_emit = chain.around("emit", self._emit_call) if chain.members("emit") else None
        if namespace is not None:
            self._events = namespace.declared.events
            self._asks = namespace.declared.asks
            told = {event.name for presence in namespace.declared.presences for event in presence.events}
            for event in self._events.values():
                if event.name not in told:
                    namespace.__dict__[event.attribute] = _Bound(self, event)
            for presence in namespace.declared.presences:
                namespace.__dict__[presence.attribute] = Attendance(presence, recipients, self.fan_out)
            for ask in self._asks.values():
                namespace.__dict__[ask.attribute] = _BoundAsk(self, ask)

    async def broadcast(self, event: Event[T], payload: T, to: Targets, skip: Targets | None) -> Reached:
        """Sends a declared event; see `BoundEvent.broadcast`."""
        if self._run_emit is not None:
            return await self._through_chain(EmitCall(self._namespace, event.name, payload, to, skip))
        return await self._send(event, payload, to, skip)

    async def emit(self, socket: Socket[Any], event: str, payload: Any) -> None:
        """Sends an event by name to one socket; see `Socket.emit`."""
        await self.broadcast_named(event, payload, socket, None)

    def no_payload(self, event: str) -> Any:
        """What stands for a payload that was not given: None for a declared event, `""` as in 1.0 for any other."""
        return None if event in self._events else ""

    async def broadcast_named(self, event: str, payload: Any, to: Targets, skip: Targets | None) -> Reached:
        """Sends an event by name; one that is declared is validated."""
        if self._run_emit is not None:
            return await self._through_chain(EmitCall(self._namespace, event, payload, to, skip))
        return await self._send_named(event, payload, to, skip)

    async def _through_chain(self, call: EmitCall) -> Reached:
        assert self._run_emit is not None
        await self._run_emit(call)
        # A middleware that goes no further has decided that nobody gets it.
        return call.reached or Reached(0)

    async def _emit_call(self, call: EmitCall) -> None:
        call.reached = await self._send_named(call.event, call.payload, call.to, call.skip)

    async def _send_named(self, name: str, payload: Any, to: Targets, skip: Targets | None) -> Reached:
        event = self._events.get(name)
        if event is not None:
            return await self._send(event, payload, to, skip)
        if name.startswith("$"):
            raise UsageError(f"event {name!r}: names with $ are kept for control frames; choose another")
        if name in self._asks:
            raise UsageError(f"{name!r} is a question: await self.{self._asks[name].attribute}.ask(ws, question)")
        return await self._deliver(event_head(name) + ANYTHING.encode(payload) + b"}", None, to, skip)

    async def _send(self, event: Event[Any], payload: Any, to: Targets, skip: Targets | None) -> Reached:
        codec = event.codec
        slot: Hashable = None
        if event.policy is not None:
            payload = codec.coerce(payload)
            if isinstance(to, Iterator):
                to = list(to)
            # What goes to one room does not replace what went to another.
            key = event.policy.key(payload)
            if self._elsewhere is None or _is_socket(to):
                slot = (event.name, target_key(to), key)
            else:
                slot = self._elsewhere.slot(event.name, to, key)
        encoded = codec.encode_strictly(payload) if self._checks.strict else codec.encode(payload)
        return await self._deliver(event.head + encoded + b"}", slot, to, skip)

    async def _deliver(self, data: bytes, slot: Any, to: Targets, skip: Targets | None) -> Reached:
        published = True
        if self._elsewhere is not None and not _is_socket(to):
            if isinstance(to, Iterator):
                to = list(to)
            published = self._elsewhere.publish(self.recipients.namespace, to, skip, data, slot)
        sockets = await self.recipients.select(to, skip)
        # Counted now, since it is a live view.
        reached = Reached(len(sockets), published)
        if sockets:
            self.fan_out(sockets, OutFrame(data, asyncio.get_running_loop().time(), slot))
        self._unwritten += 1
        self._unwritten_bytes += len(data)
        if self._unwritten >= _LET_WRITE or self._unwritten_bytes >= _LET_WRITE_BYTES:
            self._unwritten = self._unwritten_bytes = 0
            await asyncio.sleep(0)
            if self._elsewhere is not None and self._elsewhere.congested:
                await self._elsewhere.ready()
        return reached

    def fan_out(self, sockets: Collection[Any], frame: OutFrame) -> None:
        """Puts a frame into the outboxes of sockets."""
        wire = b""
        flush: object = None
        for socket in sockets:
            outbox = socket.outbox
            send = outbox.send
            # The system call itself, since a call of our own around it would cost 1.5 us for each recipient.
            if send is None:
                outbox.put(frame)
                continue
            if outbox.flush is not flush:
                flush = outbox.flush
                outbox.flush()
                wire = frame.wire
            try:
                sent = send(wire)
            except OSError:
                sent = 0
            if sent != len(wire):
                outbox.rest(wire[sent:])

    async def ask(self, declaration: Ask[Q, A], socket: Socket[Any], question: Q, timeout: float) -> A:
        """Asks one client; see `BoundAsk.ask`."""
        encode = declaration.question.encode_strictly if self._checks.strict else declaration.question.encode
        encoded = encode(question)
        id, future = socket.open_question()
        socket.put(OutFrame(encode_question(declaration.name, id, encoded), asyncio.get_running_loop().time()))
        try:
            async with aside():
                # Not wait_for, which in Python 3.11 swallows a cancellation that comes with the answer.
                async with asyncio.timeout(timeout):
                    reply = await future
        except TimeoutError:
            raise AskError("timeout", f"no answer to {declaration.name!r} within {timeout:g} s") from None
        finally:
            socket.close_question(id)
        if isinstance(reply, ErrorObject):
            raise AskError(reply.code, reply.message, reply.details)
        try:
            check_numbers(reply)
            return declaration.answer.decode(reply)
        except (InvalidPayload, BadFrame) as error:
            raise AskError(
                "invalid_payload", f"the answer to {declaration.name!r} does not validate", error.details
            ) from None


def _is_socket(to: object) -> bool:
    return isinstance(to, Socket)


class _Bound(Generic[T]):
    """A declared event on its namespace."""

    __slots__ = ("_event", "_hub")

    def __init__(self, hub: Hub, event: Event[T]) -> None:
        self._hub = hub
        self._event = event

    def broadcast(
        self, payload: Any = None, *, to: Targets, skip: Targets | None = None
    ) -> Coroutine[Any, Any, Reached]:
        return self._hub.broadcast(self._event, payload, to, skip)


class _BoundAsk(Generic[Q, A]):
    """A declared question on its namespace."""

    __slots__ = ("_ask", "_hub")

    def __init__(self, hub: Hub, ask: Ask[Q, A]) -> None:
        self._hub = hub
        self._ask = ask

    def ask(self, ws: Socket[Any], question: Q, *, timeout: float = 30.0) -> Coroutine[Any, Any, A]:
        return self._hub.ask(self._ask, ws, question, timeout)
