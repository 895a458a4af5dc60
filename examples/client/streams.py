from microsockets.client import MicroSocket

from examples.client.server import Chat


async def first_with(socket: MicroSocket, text: str) -> str | None:
    async for message in socket.stream(Chat.on_history, 100):
        if text in message:
            return message  # leaving the loop cancels it on the server
    return None


async def newest(socket: MicroSocket) -> str:
    async with socket.stream(Chat.on_history, 100) as messages:
        return await anext(messages)
