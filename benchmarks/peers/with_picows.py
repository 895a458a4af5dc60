"""picows by hand: `python -m benchmarks.peers.with_picows PORT`."""

from __future__ import annotations

import logging
import sys

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from .by_hand import handle
from .loop import run

members: set[WSTransport] = set()


class Lobby(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        if frame.msg_type != WSMsgType.TEXT:
            return
        outcome = handle(frame.get_payload_as_bytes())
        if outcome.joins:
            members.add(transport)
        if outcome.said is not None:
            for member in members:
                member.send(WSMsgType.TEXT, outcome.said)
        transport.send(WSMsgType.TEXT, outcome.answer)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        members.discard(transport)


def _listener(_request: WSUpgradeRequest) -> WSListener:
    return Lobby()


async def main(port: int) -> None:
    server = await ws_create_server(_listener, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    # It reports each reader that stalls.
    logging.getLogger("picows").setLevel(logging.CRITICAL)
    run(main(int(sys.argv[1])))
