"""Start-up and shut-down: the application's own context, the hooks, and the fallback's lifespan inside ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from .hooks import Hooks
from .rooms import Elsewhere
from .types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("microsockets")

LifespanContext = Callable[[Any], AbstractAsyncContextManager[Any]]
"""`lifespan(app)`: an async context manager that is entered at start-up and left at shut-down; a dict it yields becomes
the connections' `scope["state"]`."""


async def run(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    app: Any,
    context: LifespanContext | None,
    hooks: Hooks,
    fallback: ASGIApp | None,
    settle: Callable[[], Awaitable[None]],
    elsewhere: Elsewhere | None,
) -> None:
    """Speaks the ASGI lifespan protocol. A failure is logged with its traceback and stops the server.

    At shut-down `settle` comes first: what connections still do may need what the hooks and the context close.
    """
    await receive()
    started = False
    try:
        async with AsyncExitStack() as stack:
            if fallback is not None:
                await stack.enter_async_context(_forwarded(fallback, scope))
            if elsewhere is not None:
                # First in and last out: what runs at start-up and at shut-down may send.
                stack.push_async_callback(elsewhere.stop)
                elsewhere.start()
                await elsewhere.started()
            if context is not None:
                state = await stack.enter_async_context(context(app))
                if isinstance(state, dict) and isinstance(scope.get("state"), dict):
                    scope["state"].update(state)
            for hook in hooks.on_startup:
                await hook()
            await send({"type": "lifespan.startup.complete"})
            started = True
            await receive()
            await settle()
            for hook in hooks.on_shutdown:
                await hook()
    except Exception as error:
        phase = "shutdown" if started else "startup"
        logger.error("the application failed at %s", phase, exc_info=error)
        await send({"type": f"lifespan.{phase}.failed", "message": f"{type(error).__name__}: see the log"})
    else:
        await send({"type": "lifespan.shutdown.complete"})


class StartupFailed(RuntimeError):
    """The fallback application refused to start."""


@asynccontextmanager
async def _forwarded(fallback: ASGIApp, scope: Scope) -> AsyncGenerator[None, None]:
    """Runs the fallback's lifespan around the body. One that has none is left alone."""
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    started: asyncio.Future[Message] = loop.create_future()

    async def send(message: Message) -> None:
        if message["type"].startswith("lifespan.startup") and not started.done():
            started.set_result(message)

    async def serve() -> None:
        await fallback({**scope}, inbox.get, send)

    task = loop.create_task(serve())
    inbox.put_nowait({"type": "lifespan.startup"})
    first: set[asyncio.Future[Any]] = {task, started}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        if task.exception() is not None:
            logger.debug("the fallback has no lifespan: %s", type(task.exception()).__name__)
        yield
        return
    if started.result()["type"] == "lifespan.startup.failed":
        await asyncio.wait({task})
        raise StartupFailed(f"the fallback did not start: {started.result().get('message', '')}")
    try:
        yield
    finally:
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is not None:
            logger.error("the fallback failed at shutdown", exc_info=task.exception())
