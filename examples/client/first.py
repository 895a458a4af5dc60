import asyncio
import sys

from microsockets.client import MicroSocket

from examples.client.server import Chat, Join


def joined(payload: Join) -> None:
    print(payload.user, "is here")


async def main(url: str = "ws://127.0.0.1:8000/chat") -> None:
    async with MicroSocket(url) as socket:
        socket.on(Chat.user_joined, joined)
        members = await socket.request(Chat.on_join, Join(room="lobby", user="ada"))
        print(members, "in the room")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
