"""One connection to a NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..broker import logger
from .url import Server

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.transport import TcpTransport
    from nats.errors import Error, UnexpectedEOF
else:
    try:
        from nats.aio.client import Client
        from nats.aio.transport import TcpTransport
        from nats.errors import Error, UnexpectedEOF
    except ImportError:
        Client = object

_STEP: Final = 2
"""Seconds for each step of connecting."""
_END: Final = 1.0
_NEVER: Final = 10**9
"""nats-py's own PINGs are not used: each would have to be waited for to the end."""


def available() -> bool:
    """Whether nats-py is installed."""
    return Client is not object


class Connection(Client):
    """One connection of nats-py, which never connects again.

    Its own `subscribe` costs a queue of 4 KB and often a task for each subject, its `flush` may overtake what it is to
    follow, and its `close` waits for a frozen server. So it makes the connection (TLS, WebSockets, credentials), reads
    and parses; what comes and goes is handled here.
    """

    _reading_task: asyncio.Task[None] | None
    _ping_interval_task: asyncio.Task[None] | None
    _flusher_task: asyncio.Task[None] | None

    def __init__(self, on_message: Callable[[int, bytes], None], on_refusal: Callable[[str], None]) -> None:
        super().__init__()
        self.signs = 0
        """Of life: messages, and whatever else shows that somebody is there."""
        self.answered = asyncio.Event()
        """Set by the PONG for the PING that was written."""
        self.problem: Exception | None = None
        self.lost = asyncio.Event()
        self._on_message = on_message
        self._on_refusal = on_refusal
        self._must_encrypt = False

    async def open(self, server: Server, options: dict[str, Any]) -> None:
        """Connects, or raises what went wrong."""
        self._must_encrypt = server.url.startswith("tls:")
        await self.connect(
            [server.url],
            error_cb=self._on_error,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=_STEP,
            tls_hostname=server.certified,
            ping_interval=_NEVER,
            no_echo=True,
            user=server.login.user,
            password=server.login.password,
            token=server.login.token,
            **options,
        )

    async def _on_error(self, error: Exception) -> None:
        # While connecting, raising is what keeps nats-py from trying again by itself.
        if self._reading_task is None:
            raise error
        self.problem = error

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # Else a server, or who pretends to be one, could ask for the password in plain text.
        if self._must_encrypt:
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        self.signs += 1
        self._on_message(sid, data)

    async def _process_pong(self) -> None:
        self.answered.set()

    async def _process_err(self, err_msg: str) -> None:
        if "permissions violation" in err_msg:
            self._on_refusal(err_msg)
        else:
            await self._process_op_err(Error(f"nats: {err_msg}"))

    async def _process_op_err(self, e: Exception) -> None:
        if self.problem is None or isinstance(self.problem, UnexpectedEOF):
            self.problem = e
        self.lost.set()

    def write(self, data: bytes) -> None:
        """Sends, in the order of calls."""
        assert self._transport is not None
        self._transport.write(data)

    async def drain(self) -> None:
        """Waits until most of it went to the system."""
        assert self._transport is not None
        await self._transport.drain()  # type: ignore[no-untyped-call]

    @property
    def reading(self) -> asyncio.Task[None]:
        """Done when nothing can come any more."""
        assert self._reading_task is not None
        return self._reading_task

    async def end(self) -> None:
        """Lets go of the connection and all tasks, without a word to the server, which may be frozen."""
        if isinstance(self._transport, TcpTransport) and self._transport._io_writer is not None:
            self._transport._io_writer.transport.abort()
        try:
            async with asyncio.timeout(_END):
                await self.close()
        except Exception as error:
            logger.debug("closing a connection to NATS: %r", error)
        tasks = [task for task in (self._reading_task, self._ping_interval_task, self._flusher_task) if task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
