"""`microsockets call` and `microsockets listen`: clients for the terminal."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

import click

from ..client import End, MicroSocket, MicroSocketError
from ..errors import UsageError

Talk: TypeAlias = Callable[[MicroSocket], Coroutine[Any, Any, None]]

_NO_CONNECTION: Final = 3
_INTERRUPTED: Final = 130
"""As shells have it: 128 and the signal's number."""


def _read_json(ctx: click.Context, param: click.Parameter, given: str | None) -> Any:
    """JSON on the command line; `-` reads it from standard input. An Ellipsis is no payload, as in `MicroSocket`."""
    if given is None:
        return ... if param.name == "payload" else None
    try:
        return json.loads(sys.stdin.read() if given == "-" else given, parse_constant=_refuse)
    except RecursionError:
        raise click.BadParameter("this is nested too deeply", ctx, param) from None
    except ValueError as error:
        # Not what was given, which may be a token.
        told = f"this is no JSON: {error}; a text needs its quotes, as in '\"text\"'"
        raise click.BadParameter(told, ctx, param) from None


def _refuse(constant: str) -> None:
    """Python would take it for JSON."""
    raise ValueError(f"{constant} is none of its numbers")


class _Lost(click.ClickException):
    exit_code = _NO_CONNECTION


_auth = click.option("--auth", callback=_read_json, envvar="MICROSOCKETS_AUTH", help="Auth data, as JSON.")
_timeout = click.option(
    "--timeout", default=10.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Seconds to connect in."
)


@click.command()
@click.argument("url")
@click.argument("event")
@click.argument("payload", callback=_read_json, required=False)
@_auth
@_timeout
@click.option("--stream", is_flag=True, help="Print the items of a stream, each on a line.")
@click.option("--no-answer", is_flag=True, help="Ask for no answer.")
def call(url: str, event: str, payload: Any, auth: Any, timeout: float, stream: bool, no_answer: bool) -> None:
    """Sends EVENT to URL with a PAYLOAD in JSON, and prints its answer.

    Exits with 1 if the answer is an error, with 3 if there is no connection, and with 130 for Ctrl+C.
    """

    async def talk(socket: MicroSocket) -> None:
        if stream:
            async for item in socket.stream(event, payload):
                _print(item)
        elif no_answer:
            await socket.send(event, payload)
        else:
            _print(await socket.request(event, payload, timeout=timeout))

    _run(_connected(url, auth, timeout, lambda socket: talk), interrupted=_INTERRUPTED)


@click.command()
@click.argument("url")
@click.argument("events", nargs=-1, metavar="[EVENT]...")
@_auth
@_timeout
@click.option("--count", type=click.IntRange(1), help="Stop after so many events.")
def listen(url: str, events: tuple[str, ...], auth: Any, timeout: float, count: int | None) -> None:
    """Prints what comes from URL, each event as a line of JSON; only the EVENTs that are named, if any are.

    Exits with 0 after --count events and for Ctrl+C, and with 3 when the connection is lost.
    """

    def hear(socket: MicroSocket) -> Talk:
        left = count
        enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def show(event: str, payload: Any) -> None:
            nonlocal left
            if (events and event not in events) or enough.done():
                return
            try:
                _print({"event": event, "payload": payload})
            except OSError as error:
                # Nobody reads any more, as in `listen | head`.
                enough.set_exception(error)
            if left is not None:
                left -= 1
                if left == 0 and not enough.done():
                    enough.set_result(None)

        async def wait(socket: MicroSocket) -> None:
            await enough

        # Before there is a connection, since the first event may come with its first bytes.
        socket.on_any(show)
        return wait

    # What a listener is ended by.
    _run(_connected(url, auth, timeout, hear), interrupted=0)


async def _connected(url: str, auth: Any, timeout: float, prepare: Callable[[MicroSocket], Talk]) -> None:
    """Talks until that is through or the connection is lost."""
    try:
        socket = MicroSocket(url, auth=auth, reconnect=False)
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    talk = prepare(socket)
    ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
    socket.on_close(lambda end: None if ended.done() else ended.set_result(end))
    async with socket:
        try:
            async with asyncio.timeout(timeout):
                await socket.ready()
        except TimeoutError:
            raise _Lost(f"no connection to {url} within {timeout:g} s") from None
        except MicroSocketError as error:
            raise _Lost(f"no connection to {url}: {error.message}") from None
        talking = asyncio.create_task(talk(socket))
        first: set[asyncio.Future[Any]] = {talking, ended}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not talking.done():
                talking.cancel()
                await asyncio.wait({talking})
        if talking.cancelled():
            end = ended.result()
            raise _Lost(f"the connection to {url} was closed: {end.code} {end.reason}".rstrip())
        try:
            talking.result()
        except MicroSocketError as error:
            if error.code == "disconnected":
                raise _Lost(f"the connection to {url} was lost") from None
            raise click.ClickException(_told(error)) from None
        except UsageError as error:
            raise click.UsageError(str(error)) from None


def _run(coroutine: Coroutine[Any, Any, None], *, interrupted: int) -> None:
    """`interrupted` is the exit code for Ctrl+C."""
    # The command says itself how it ended; without any handler, Python would print warnings, too.
    logging.getLogger("microsockets").addHandler(logging.NullHandler())
    try:
        asyncio.run(coroutine)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(interrupted) from None


def _told(error: MicroSocketError) -> str:
    details = "" if error.details is None else f"\n{json.dumps(error.details, ensure_ascii=False)}"
    return f"{error.code}: {error.message}{details}"


def _print(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))
