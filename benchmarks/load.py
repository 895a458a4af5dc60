"""Starts the load generator and reads what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from .compiler import compiled, find_compiler
from .dialects import Dialect, Sent, Step
from .handshake import ACCEPT, request
from .rehearsal import Script
from .server import ROOT, Server

Mode = Literal["echo", "fanout", "storm", "hold"]

_SOURCE: Final = Path(__file__).with_name("load.c")
_PATIENCE_SECONDS: Final = 180.0


@dataclass(frozen=True)
class Plan:
    """What the load does."""

    mode: Mode
    connections: int
    """How many ask, or are members; with `storm` the most that it opens, with `hold` how many it does."""
    in_flight: int = 1
    """Requests of each connection that wait for their answers."""
    seconds: float = 1.0
    """How long it measures."""
    warm_up: float = 0.0
    """Seconds of the same before."""
    warm_connections: int = 0
    """Opened before it measures, with `storm` and `hold`."""
    stalled: int = 0
    """Of the members, these read nothing. One whom the server gives up comes back and stalls again."""
    prefill: int = 0
    """Broadcasts to half of those alone before all others join, so that buffers are full when measuring begins."""
    other_port: int = 0
    """A second process of the same server, which gets every second connection."""
    limit: float = 60.0
    """Seconds a broadcast may take before the server counts as blocked."""


@dataclass(frozen=True)
class Figures:
    """What the load measured."""

    operations: int
    seconds: float
    p50_us: float
    p99_us: float
    max_us: float
    load_cpu_seconds: float
    server_cpu_seconds: float
    connections: int
    lost: int
    """Stalled readers that the server gave up."""
    blocked: bool
    """Not everybody got a broadcast in time, which ended it."""

    @property
    def per_second(self) -> float:
        """Operations per second of the clock."""
        return self._each_second(self.operations)

    @property
    def load_share(self) -> float:
        """Of its core that the load generator used."""
        return self._each_second(self.load_cpu_seconds)

    @property
    def server_share(self) -> float:
        """Of its core that the server used."""
        return self._each_second(self.server_cpu_seconds)

    def _each_second(self, amount: float) -> float:
        # No time at all passes if the server is blocked before measuring begins.
        return amount / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Generator:
    """A program that takes the options of `arguments`."""

    command: tuple[str, ...]
    what: str


def find_generator() -> Generator:
    """The one in C, or the one in Python where there is no compiler."""
    if find_compiler() is not None:
        return Generator((str(compiled(_SOURCE)),), "C")
    return python_generator()


def python_generator() -> Generator:
    """The one that needs no compiler. It uses up its core before a fast server does."""
    return Generator((sys.executable, "-m", "benchmarks.generator"), "Python")


def arguments(plan: Plan, server: Server, dialect: Dialect, script: Script) -> list[str]:
    """The options of a generator: what to do, with whom, and what is said to the letter."""
    options: list[tuple[str, Any]] = [
        ("port", server.port),
        ("other-port", plan.other_port),
        ("pid", server.pid),
        ("connections", plan.connections),
        ("in-flight", plan.in_flight),
        ("seconds", plan.seconds),
        ("warm-up", plan.warm_up),
        ("warm-connections", plan.warm_connections),
        ("stalled", plan.stalled),
        ("prefill", plan.prefill),
        ("limit", plan.limit),
        ("request", request(server.port, dialect.path)),
        ("accept", ACCEPT),
        *_steps("open", dialect.opening),
        *_steps("join", script.joining),
        ("say", script.say),
        ("said", script.said),
        ("done", script.done),
    ]
    if dialect.ping:
        options += [("ping", dialect.ping), ("pong", dialect.pong)]
    for ask, answer in script.asks:
        options += [("ask", ask), ("answer", answer)]
    return [plan.mode, *(part for name, value in options for part in (f"--{name}", str(value)))]


def _steps(kind: str, steps: tuple[Step, ...]) -> Iterator[tuple[str, str]]:
    for step in steps:
        yield (f"{kind}-send", step.text) if isinstance(step, Sent) else (f"{kind}-expect", step.prefix)


def run(
    generator: Generator,
    plan: Plan,
    server: Server,
    dialect: Dialect,
    script: Script,
    *,
    ready: Callable[[], None] = lambda: None,
) -> Figures:
    """Measures. `ready` is called when a `hold` has its warm connections, and again when it has all.

    Raises `RuntimeError` if the server did not answer as the script says, or the load could not do its work.
    """
    command = [*generator.command, *arguments(plan, server, dialect, script)]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        if plan.mode == "hold":
            _attend(process, ready)
        output, complaint = process.communicate(timeout=_PATIENCE_SECONDS + plan.seconds)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{server.name}: the load had no result after minutes") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise RuntimeError(f"{server.name}: {complaint.strip()[-500:]}")
    figures = Figures(**json.loads(output.splitlines()[-1]))
    if not figures.operations and not figures.blocked:
        raise RuntimeError(f"{server.name} did nothing in {figures.seconds:.1f} s")
    return figures


def _attend(process: subprocess.Popen[str], ready: Callable[[], None]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(2):
        if process.stdout.readline().strip() != "ready":
            return
        ready()
        process.stdin.write("\n")
        process.stdin.flush()
