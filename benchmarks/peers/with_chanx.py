"""chanx on FastAPI, as its quick start does it, with its layer in memory."""

# No `from __future__ import annotations`: chanx reads the annotations of handlers and messages.
from typing import Literal

from chanx.core.decorators import channel, ws_handler
from chanx.fast_channels.websocket import AsyncJsonWebsocketConsumer
from chanx.messages.base import BaseMessage
from fast_channels.layers import InMemoryChannelLayer, register_channel_layer
from fastapi import FastAPI

from .text import Text


class Echo(BaseMessage):
    action: Literal["echo"] = "echo"
    payload: Text


class Echoed(BaseMessage):
    action: Literal["echoed"] = "echoed"
    payload: Text


class Join(BaseMessage):
    action: Literal["join"] = "join"
    payload: str


class Say(BaseMessage):
    action: Literal["say"] = "say"
    payload: Text


class Said(BaseMessage):
    action: Literal["said"] = "said"
    payload: Text


class Done(BaseMessage):
    action: Literal["done"] = "done"
    payload: None = None


@channel(name="lobby")
class LobbyConsumer(AsyncJsonWebsocketConsumer):
    channel_layer_alias = "default"

    @ws_handler(output_type=Echoed)
    async def handle_echo(self, message: Echo) -> Echoed:
        return Echoed(payload=message.payload)

    @ws_handler(output_type=Done)
    async def handle_join(self, message: Join) -> Done:
        await self.join_group(message.payload)
        return Done()

    @ws_handler(output_type=Done)
    async def handle_say(self, message: Say) -> Done:
        await self.broadcast_message(Said(payload=message.payload), groups=["lobby"])
        return Done()


register_channel_layer("default", InMemoryChannelLayer())

app = FastAPI()
app.router.add_websocket_route("/", LobbyConsumer.as_asgi())
