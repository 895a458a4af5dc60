"""Servers as users start them, in processes of their own, and clients for them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.server.serving import LOOPS
from tests.server.wire import Wire

ROOT = Path(__file__).resolve().parents[2]
HALL = "tests.server.served.hall:app"
IMPATIENT = "tests.server.served.hall:impatient"
V1 = Subprotocol("microsockets.v1")

RUN = ("-m", "microsockets", "run")

SECONDS = 20.0
"""How long anything may take that must happen; only a failure takes as long."""

_LOOK_SECONDS = 0.02

# Its options are checked when it is called: most come from the caller of `client`.
_connect: Callable[..., ClientConnection] = connect

Frame = dict[str, Any]


class Running:
    """A process that serves, or tries to."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self._log = folder / "log"
        self._record = folder / "record"
        self._gate = folder / "gate"

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    @property
    def port(self) -> int:
        """The port that it says it listens on."""
        found = re.search(r"running on https?://[^ ]+:(\d+)", self.log)
        assert found is not None, self.log
        return int(found[1])

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def recorded(self) -> list[str]:
        """What the application has written down."""
        return self._record.read_text().splitlines() if self._record.exists() else []

    def open_gate(self) -> None:
        """Lets work finish."""
        self._gate.touch()

    def memory(self, name: str = "VmRSS") -> int:
        """KiB that it holds; `VmHWM` is the most that it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{name}:\s*(\d+) kB", status, re.MULTILINE)
        assert found is not None, status
        return int(found[1])

    def send_queues(self) -> list[int]:
        """Bytes that the kernel holds for each of its connections and that the client has not taken."""
        own: set[str] = set()
        for each in Path(f"/proc/{self.process.pid}/fd").iterdir():
            # It may have been closed since it was listed.
            with contextlib.suppress(FileNotFoundError):
                own.add(os.readlink(each))
        # A connection may be listed twice when others come and go in the meantime.
        queues: dict[str, int] = {}
        for line in Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]:
            columns = line.split()
            state, held, inode = columns[3], columns[4], columns[9]
            if state == "01" and f"socket:[{inode}]" in own:
                queues[inode] = int(held.partition(":")[0], 16)
        return list(queues.values())

    def until(self, condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
        """Waits for something to become true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s\n{self.recorded()}\n{self.log}"
            time.sleep(_LOOK_SECONDS)

    def until_recorded(self, line: str, times: int = 1, seconds: float = SECONDS) -> None:
        """Waits until the application has written this down so many times."""
        self.until(lambda: self.recorded().count(line) >= times, f"{times} times {line!r}", seconds)

    def until_serving(self, workers: int = 1) -> None:
        """Waits until all of its processes accept connections."""

        def serves() -> object:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}\n{self.log}"
            log = self.log
            # A single process says last where it runs, and a parent first.
            return log.count("Application startup complete.") >= workers and re.search(r"running on [^\n]+\n", log)

        self.until(serves, "serving")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def interrupt_group(self) -> None:
        """What Ctrl+C does: a SIGINT for it and for its own processes."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, seconds: float = SECONDS) -> int:
        """Its exit code, once it has ended."""
        self.until(lambda: self.process.poll() is not None, "the end of the process", seconds)
        assert self.process.returncode is not None
        return self.process.returncode

    def stop(self) -> None:
        """Ends it, if it has not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS)
        if self.process.poll() is None:
            # It leads a group of its own, its workers among it.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def running(folder: Path, *command: str, **environment: str) -> Generator[Running, None, None]:
    """Starts `python COMMAND`; it is gone when the block is left."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MICROSOCKETS_")}
    variables |= {"RECORD": str(folder / "record"), "GATE": str(folder / "gate"), **environment}
    with (folder / "log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Running(process, folder)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def serving(folder: Path, target: str, *options: str, **environment: str) -> Generator[Running, None, None]:
    """`microsockets run`, on a free port, when it accepts connections."""
    with running(folder, *RUN, target, "--port", "0", *options, **environment) as server:
        workers = options[options.index("--workers") + 1] if "--workers" in options else "1"
        server.until_serving(int(workers))
        yield server


Work = Callable[[str, Path], None]
"""What a test does with a server on one event loop, in a folder."""

Begun = Callable[[Work, str], None]
"""Waits for the end of a work, on one event loop, and fails if it has failed."""


@contextlib.contextmanager
def begin(works: Sequence[Work], make_folder: Callable[[str], Path]) -> Generator[Begun, None, None]:
    """Begins works that mostly wait, all together, so that other tests can run in the meantime."""
    with ThreadPoolExecutor(len(works) * len(LOOPS)) as pool:
        futures = {
            (work, loop): pool.submit(work, loop, make_folder(work.__name__)) for work in works for loop in LOOPS
        }
        yield lambda work, loop: futures[work, loop].result()


class Client:
    """A well-behaved client."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = 0
        self.frames: list[Frame] = []
        """All that came, but `$hello`."""

    def receive(self, seconds: float = SECONDS) -> Frame:
        """The next frame."""
        data = self.connection.recv(seconds)
        assert isinstance(data, str), "frames are text"
        frame: Frame = json.loads(data)
        self.frames.append(frame)
        return frame

    def send(self, event: str, payload: Any = None, **keys: Any) -> None:
        self.connection.send(json.dumps({"event": event, "payload": payload, **keys}))

    def ask(self, event: str, payload: Any = None) -> int:
        """Sends a request; returns its id."""
        self._ids += 1
        self.send(event, payload, id=self._ids)
        return self._ids

    def answer(self, id: int) -> Frame:
        """Waits for the answer to a request."""
        while (frame := self.receive()).get("ack") != id:
            pass
        return frame

    def request(self, event: str, payload: Any = None) -> Any:
        """The payload of the answer."""
        answer = self.answer(self.ask(event, payload))
        assert "error" not in answer, answer
        return answer["payload"]

    def event(self, name: str) -> Any:
        """The payload of the next frame, which is this event."""
        frame = self.receive()
        assert frame.get("event") == name, frame
        return frame.get("payload")

    def closed(self, seconds: float = SECONDS) -> tuple[int | None, str | None]:
        """Code and reason, once the server has closed; what comes before is in `frames`."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.receive(max(0.0, deadline - time.monotonic()))
        return self.connection.close_code, self.connection.close_reason

    def close(self) -> None:
        self.connection.close()


@contextlib.contextmanager
def client(port: int, path: str = "/hall", *, v1: bool = True, **options: Any) -> Generator[Client, None, None]:
    """A connected client."""
    url = f"{'wss' if 'ssl' in options else 'ws'}://127.0.0.1:{port}{path}"
    options = {"compression": None, "open_timeout": SECONDS, "proxy": None, **options}
    with _connect(url, subprotocols=[V1] if v1 else None, **options) as connection:
        greeted = Client(connection)
        if v1:
            greeted.event("$hello")
            greeted.frames.clear()
        yield greeted


def unix_client(socket_path: Path, path: str) -> contextlib.AbstractContextManager[Client]:
    """A client of a Unix domain socket."""
    unix = socket.socket(socket.AF_UNIX)
    unix.connect(str(socket_path))
    # The port is only in its Host header.
    return client(80, path, sock=unix)


@contextlib.contextmanager
def wires(server: Running, count: int, *, v1: int = 0, path: str = "/hall") -> Generator[list[Wire], None, None]:
    """WebSocket connections in bytes, of which nothing is read, and for which the kernel keeps little; the first `v1`
    are of v1 clients."""
    opened: list[Wire] = []
    try:
        for n in range(count):
            wire = Wire(server.address, receive_buffer=4096)
            opened.append(wire)
            wire.upgrade(path, *([f"Sec-WebSocket-Protocol: {V1}"] if n < v1 else []))
        yield opened
    finally:
        for wire in opened:
            wire.close()
