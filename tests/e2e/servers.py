"""Real ASGI servers, each in a process of its own, on the loopback interface."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = "examples.chat.app:app"
START_SECONDS = 20.0
STOP_SECONDS = 10.0

Command = Callable[[int], list[str]]

COMMANDS: dict[str, Command] = {
    "uvicorn": lambda port: ["uvicorn", APP, "--host", "127.0.0.1", "--port", str(port)],
    # No worker processes: the one that is started is the one that serves.
    "hypercorn": lambda port: ["hypercorn", APP, "--bind", f"127.0.0.1:{port}", "--workers", "0"],
    "granian": lambda port: ["granian", APP, "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)],
    # What scripts/demo runs.
    "microsockets": lambda port: ["microsockets", "run", APP, "--host", "127.0.0.1", "--port", str(port)],
}
SERVERS = ["microsockets", "uvicorn", "hypercorn", "granian"]


@dataclass(frozen=True)
class Server:
    """A server that accepts connections."""

    kind: str
    port: int
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def page_url(self) -> str:
        return f"http://{self.host}/"

    @property
    def chat_url(self) -> str:
        return f"ws://{self.host}/chat"

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(kind: str, log: Path, port: int | None = None) -> Generator[Server, None, None]:
    """Runs the chat under one server; the process is gone when the block is left."""
    server = Server(kind, port or free_port(), log)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *COMMANDS[kind](server.port)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(process, server)
        yield server
    finally:
        _stop(process)


def _wait_until_it_answers(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(server):
        # Waiting for its end is also the pause between two tries.
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(0.05)
            raise AssertionError(f"{server.kind} ended with {code} instead of serving:\n{server.read_log()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"{server.kind} does not answer after {START_SECONDS:g} s:\n{server.read_log()}")


def _answers(server: Server) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
