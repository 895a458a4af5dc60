"""The servers that are compared: a table of how each is started, what it speaks and what it needs."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .compiler import compiled, find_compiler
from .dialects import CHANX, MICROSOCKETS, SOCKET_IO, Dialect
from .handshake import ACCEPT
from .messages import ECHO, LONG, SAID

PEERS: Final = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Contender:
    """One server."""

    name: str
    """Of one word, for the command line and for JSON."""
    label: str
    dialect: Dialect
    command: Callable[[int], list[str]]
    """How to start it on a port."""
    packages: tuple[str, ...] = ()
    """What it needs from PyPI."""
    modules: tuple[str, ...] = ()
    """What it needs from npm."""
    needs_compiler: bool = False
    ours: bool = False
    validates: bool = True

    def missing(self) -> str | None:
        """What is not installed, and how to install it; None if nothing is."""
        absent = [package for package in self.packages if find_spec(_MODULES.get(package, package)) is None]
        if absent:
            return f"not installed: pip install {' '.join(_REQUIREMENTS.get(each, each) for each in absent)}"
        if self.modules and shutil.which("node") is None:
            return "not installed: Node 20 or newer, from your system's packages or https://nodejs.org"
        if any(not (PEERS / "node_modules" / module).is_dir() for module in self.modules):
            return "not installed: npm install --prefix benchmarks/peers"
        if self.needs_compiler and find_compiler() is None:
            return "not installed: a C compiler, such as apt-get install gcc"
        return None

    def versions(self) -> dict[str, str]:
        """Of what it is made of, as far as that is installed."""
        found: dict[str, str] = {}
        for package in (*self.packages, *(_UNDER_UVICORN if "uvicorn" in self.packages else ())):
            if find_spec(_MODULES.get(package, package)) is not None:
                found[package] = importlib.metadata.version(package)
        if self.modules:
            found["node"] = _printed("node", "--version").removeprefix("v")
        for module in self.modules:
            description = json.loads((PEERS / "node_modules" / module / "package.json").read_text())
            found[f"npm {module}"] = description["version"]
        if self.needs_compiler and (compiler := find_compiler()):
            found["compiler"] = _printed(compiler, "--version").splitlines()[0]
        return found


_MODULES: Final = {"python-socketio": "socketio", "fast-channels": "fast_channels"}
_REQUIREMENTS: Final = {"chanx": '"chanx[fast-channels]"', "fast-channels": '"chanx[fast-channels]"'}
_UNDER_UVICORN: Final = ("uvloop", "httptools", "websockets")


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def under_uvicorn(module: str) -> Callable[[int], list[str]]:
    """uvicorn as it comes: with uvloop and httptools where they are installed, which goes for all of its applications.

    The load offers no compression, so that it makes none.
    """

    def command(port: int) -> list[str]:
        app = f"benchmarks.peers.{module}:app"
        options = ["--port", str(port), "--log-level", "critical", "--no-access-log"]
        return [sys.executable, "-m", "uvicorn", app, *options]

    return command


def _own_layer(port: int) -> list[str]:
    app = "benchmarks.peers.ours:app"
    return [sys.executable, "-m", "microsockets", "run", app, "--port", str(port), "--log-level", "critical"]


def _python(module: str) -> Callable[[int], list[str]]:
    return lambda port: [sys.executable, "-m", f"benchmarks.peers.{module}", str(port)]


def _node(file: str) -> Callable[[int], list[str]]:
    return lambda port: ["node", str(PEERS / file), str(port)]


def _floor(port: int) -> list[str]:
    """Tells the floor what it will be asked, since it cannot read it."""

    def any_id(text: str) -> str:
        return text.replace('"id":0', '"id":#')

    done = '{"ack":#,"payload":null}'
    says = [
        part
        for payload in (SAID, LONG)
        for part in ("say", any_id(MICROSOCKETS.say(0, payload)), done, _compact({"event": "said", "payload": payload}))
    ]
    echoed = '{"ack":#,"payload":%s}' % _compact(ECHO)  # noqa: UP031
    echo = ["answer", any_id(MICROSOCKETS.echo(0, ECHO)), echoed]
    join = ["join", any_id(MICROSOCKETS.join(0)), done]
    return [str(compiled(PEERS / "floor.c")), str(port), ACCEPT, *echo, *join, *says]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


CONTENDERS: Final[tuple[Contender, ...]] = (
    Contender("microsockets", "microsockets", MICROSOCKETS, _own_layer, packages=("uvicorn",), ours=True),
    Contender(
        "microsockets-uvicorn",
        "microsockets on plain uvicorn",
        MICROSOCKETS,
        under_uvicorn("ours"),
        packages=("uvicorn",),
        ours=True,
    ),
    Contender("asgi", "raw ASGI on uvicorn", MICROSOCKETS, under_uvicorn("with_asgi"), packages=("uvicorn",)),
    Contender(
        "fastapi", "FastAPI by hand", MICROSOCKETS, under_uvicorn("with_fastapi"), packages=("uvicorn", "fastapi")
    ),
    Contender(
        "python-socketio",
        "python-socketio",
        SOCKET_IO,
        under_uvicorn("with_socketio"),
        packages=("uvicorn", "python-socketio"),
    ),
    Contender(
        "chanx", "chanx", CHANX, under_uvicorn("with_chanx"), packages=("uvicorn", "fastapi", "chanx", "fast-channels")
    ),
    Contender("picows", "picows by hand", MICROSOCKETS, _python("with_picows"), packages=("picows",)),
    Contender("websockets", "websockets by hand", MICROSOCKETS, _python("with_websockets"), packages=("websockets",)),
    Contender("ws", "Node ws by hand", MICROSOCKETS, _node("with_ws.mjs"), modules=("ws", "bufferutil")),
    Contender("socket.io", "Socket.IO on Node", SOCKET_IO, _node("with_socket_io.mjs"), modules=("socket.io",)),
    Contender("floor", "the floor, in C", MICROSOCKETS, _floor, needs_compiler=True, validates=False),
)
"""In the order in which they are asked in the first round."""


def by_name(names: Iterable[str]) -> list[Contender]:
    """Those with these names, in the table's order."""
    wanted = set(names)
    return [contender for contender in CONTENDERS if contender.name in wanted]
