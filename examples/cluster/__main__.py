"""`python -m examples.cluster`: a broker, three workers and a proxy. Kill a worker and watch."""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from .proxy import Proxy

APP = "examples.chat.app:app"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
START_SECONDS = 20.0
STOP_SECONDS = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def broker(port: int) -> tuple[str, list[str]]:
    """The address of a broker, and what starts it."""
    if path := shutil.which("redis-server", path=PATH):
        return f"redis://127.0.0.1:{port}", [path, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    if path := shutil.which("nats-server", path=PATH):
        return f"nats://127.0.0.1:{port}", [path, "--addr", "127.0.0.1", "--port", str(port)]
    raise SystemExit(
        "install a broker (apt-get install redis-server), or name one with MICROSOCKETS_BROKER=redis://..."
    )


@contextmanager
def process(port: int, *command: str, **environment: str) -> Generator[int, None, None]:
    """Runs a server until the block is left. Gives its process id once it accepts connections."""
    running = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not accepts(port):
            if running.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} did not start")
            time.sleep(0.05)
        yield running.pid
    finally:
        running.terminate()
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.cluster")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    # So that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with ExitStack() as processes:
        url = os.environ.get("MICROSOCKETS_BROKER", "")
        if not url:
            port = free_port()
            url, command = broker(port)
            say(f"broker: process {processes.enter_context(process(port, *command))}")
        ports: dict[str, int] = {}
        for number in range(1, options.workers + 1):
            port = free_port()
            command = [sys.executable, "-m", "microsockets", "run", APP, "--port", str(port)]
            started = processes.enter_context(process(port, *command, MICROSOCKETS_BROKER=url))
            ports[f"worker {number}"] = port
            say(f"worker {number}: process {started}")
        say(f"open http://127.0.0.1:{options.port} in two tabs, and end a worker with kill -9; Ctrl+C stops")
        try:
            asyncio.run(Proxy(ports, say).serve(options.port))
        except KeyboardInterrupt:
            say("stopping")


if __name__ == "__main__":
    main()
