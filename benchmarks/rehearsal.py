"""One conversation with a server before it is measured: what exactly it answers, and whether it does what it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .contenders import Contender
from .dialects import Dialect, Expected, Payload, Sent, Step
from .messages import ECHO, WRONG
from .peer import Peer
from .server import Server

_JOIN: Final = 1
_SAY: Final = 2
_REFUSED: Final = 3


@dataclass(frozen=True)
class Script:
    """The frames of a benchmark, to the letter. What a server says in it was decoded and checked once."""

    asks: tuple[tuple[str, str], ...]
    """Requests, and the answer to each."""
    joining: tuple[Step, ...]
    """How one becomes a member."""
    say: str
    said: str
    """What every member gets."""
    done: str
    """What the speaker gets."""


def rehearse(server: Server, contender: Contender, *, in_flight: int, payload: Payload) -> Script:
    """Has the conversation. Raises `RuntimeError` if an answer is not what it must be, or a wrong payload is taken."""
    dialect = contender.dialect
    try:
        with _connected(server, dialect) as member, _connected(server, dialect) as speaker:
            asks = tuple(_echo(member, dialect, number) for number in range(in_flight))
            joined = _ask(member, dialect, dialect.join(_JOIN))
            _expect(dialect.answer(_JOIN, joined), None)
            say = dialect.say(_SAY, payload)
            done = _ask(speaker, dialect, say)
            _expect(dialect.answer(_SAY, done), None)
            said = _receive(member, dialect)
            _expect(dialect.said(said), payload)
            if contender.validates:
                _refuses(speaker, dialect)
    except (ValueError, OSError) as error:
        raise RuntimeError(f"{contender.label} does not play its part: {error}") from error
    server.settle()
    return Script(asks, (Sent(dialect.join(_JOIN)), Expected(joined)), say, said, done)


def _connected(server: Server, dialect: Dialect) -> Peer:
    peer = Peer(server.port, dialect.path)
    for step in dialect.opening:
        if isinstance(step, Sent):
            peer.send(step.text)
        elif not (text := _receive(peer, dialect)).startswith(step.prefix):
            raise ValueError(f"it said {text} and not {step.prefix}")
    return peer


def _receive(peer: Peer, dialect: Dialect) -> str:
    while (text := peer.receive()) == dialect.ping:
        peer.send(dialect.pong)
    return text


def _ask(peer: Peer, dialect: Dialect, text: str) -> str:
    peer.send(text)
    return _receive(peer, dialect)


def _echo(peer: Peer, dialect: Dialect, number: int) -> tuple[str, str]:
    ask = dialect.echo(number, ECHO)
    answer = _ask(peer, dialect, ask)
    _expect(dialect.answer(number, answer), ECHO)
    return ask, answer


def _refuses(peer: Peer, dialect: Dialect) -> None:
    answer = _ask(peer, dialect, dialect.echo(_REFUSED, WRONG))
    try:
        dialect.answer(_REFUSED, answer)
    except ValueError:
        return
    raise ValueError(f"it takes a payload that is wrong, and answers {answer}")


def _expect(value: Any, expected: Any) -> None:
    if value != expected:
        raise ValueError(f"it says {value} and not {expected}")
