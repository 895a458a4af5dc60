"""`websockets` by hand, with its `broadcast`: `python -m benchmarks.peers.with_websockets PORT`."""

from __future__ import annotations

import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

from .by_hand import handle
from .loop import run

members: set[ServerConnection] = set()


async def endpoint(ws: ServerConnection) -> None:
    try:
        async for message in ws:
            outcome = handle(message)
            if outcome.joins:
                members.add(ws)
            if outcome.said is not None:
                broadcast(members, outcome.said.decode())
            await ws.send(outcome.answer.decode())
    except ConnectionClosedError:
        pass
    finally:
        members.discard(ws)


async def main(port: int) -> None:
    async with serve(endpoint, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    run(main(int(sys.argv[1])))
