from microsockets.client import MicroSocket, MicroSocketError

from examples.client.server import Chat


async def leave(socket: MicroSocket, answer: bool | None) -> bool:
    async def confirm(question: str) -> bool:
        if answer is None:
            raise MicroSocketError("busy", "Ask me later")
        return answer

    unbind = socket.handle(Chat.confirm, confirm)
    try:
        return await socket.request(Chat.on_leave)  # the server asks before it answers
    finally:
        unbind()
