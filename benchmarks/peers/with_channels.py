"""Django Channels: a consumer and its layer over Redis, by publish and subscribe."""

from __future__ import annotations

import json
import os
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from pydantic import ValidationError

from .text import Text

settings.configure(
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["MICROSOCKETS_BROKER"]]},
        }
    }
)


class Lobby(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame = json.loads(text_data or "")
        try:
            answer = {"ack": frame["id"], "payload": await self._handle(frame)}
        except ValidationError as error:
            answer = {"ack": frame["id"], "error": error.errors(include_input=False)}
        await self.send(json.dumps(answer))

    async def _handle(self, frame: dict[str, Any]) -> Any:
        match frame["event"]:
            case "echo":
                return Text.model_validate(frame["payload"]).model_dump()
            case "join":
                await self.channel_layer.group_add(frame["payload"], self.channel_name)
            case "say":
                payload = Text.model_validate(frame["payload"])
                text = json.dumps({"event": "said", "payload": payload.model_dump()})
                await self.channel_layer.group_send("lobby", {"type": "said", "text": text})
            case _:
                raise ValueError(frame["event"])
        return None

    async def said(self, message: dict[str, Any]) -> None:
        await self.send(message["text"])


app = Lobby.as_asgi()
