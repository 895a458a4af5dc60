from microsockets.client import MicroSocket, MicroSocketError

from examples.client.server import Chat, Join, RoomFull


async def enter(socket: MicroSocket, room: str) -> str:
    try:
        members = await socket.request(Chat.on_join, Join(room=room, user="ada"), timeout=5)
    except MicroSocketError as error:
        if error.code != RoomFull.code:
            raise
        return f"full: {error.details} places"
    return f"{members} here"


async def by_name(socket: MicroSocket) -> int:
    await socket.send("typing")
    return await socket.request("join", {"room": "lobby", "user": "ada"}, answer=int)
