from typing import Any

from microsockets import Application, Call, Namespace, Next, RateLimit, Socket, ValidatePayload
from microsockets.errors import Forbidden


async def only_own_name(call: Call, call_next: Next) -> Any:
    if call.payload != call.socket.user_id:  # after ValidatePayload, so the payload is there
        raise Forbidden
    return await call_next(call)


class Profile(Namespace, path="/profile/{name}"):
    middleware = (RateLimit(rate=5, burst=10), ValidatePayload(), only_own_name)

    async def on_connect(self, ws: Socket, params: dict[str, str]) -> None:
        ws.user_id = params["name"]

    async def on_show(self, ws: Socket, name: str) -> str:
        return f"profile of {name}"


app = Application(Profile)
