"""Parameters of `on_connect`: from the path, the query and auth data, validated before anything is accepted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from microsockets import Application, Depends, Namespace, Socket
from microsockets.testing import Client, Refused
from pydantic import BaseModel, ConfigDict, Field


class Params(BaseModel):
    room: int
    page: int = 1
    token: str = ""
    tags: list[str] = []


class Game(Namespace, path="/game/{room}"):
    async def on_connect(self, ws: Socket, params: Params) -> Params:
        return params

    async def on_read(self, ws: Socket[Params]) -> Params:
        return ws.session


async def read(path: str = "/game/7", **how: Any) -> Any:
    """The parameters as `on_connect` got them."""
    async with Client(Application(Game)) as client:
        return await (await client.connect(path, **how)).request("read")


async def refused(namespace: type[Namespace] = Game, path: str = "/game/7", **how: Any) -> Refused:
    """How a connection was refused."""
    async with Client(Application(namespace)) as client:
        with pytest.raises(Refused) as caught:
            await client.connect(path, **how)
    return caught.value


# The three sources


async def test_params_are_validated_from_path_parameters() -> None:
    assert await read() == {"room": 7, "page": 1, "token": "", "tags": []}


async def test_params_are_validated_from_the_query() -> None:
    assert (await read(query={"page": "2"}))["page"] == 2


async def test_params_are_validated_from_auth_data() -> None:
    assert (await read(auth={"token": "t"}))["token"] == "t"


async def test_the_sources_are_merged() -> None:
    assert await read(query={"page": "2", "tags": ["a", "b"]}, auth={"token": "t"}) == {
        "room": 7,
        "page": 2,
        "token": "t",
        "tags": ["a", "b"],
    }


@pytest.mark.parametrize(
    "how",
    [
        {"query": {"room": "7"}},
        {"auth": {"room": 7}},
        {"query": {"token": "t"}, "auth": {"token": "t"}},
        {"query": {"unknown": "t"}, "auth": {"unknown": "u"}},
    ],
    ids=["path and query", "path and auth", "query and auth", "a name nobody asks for"],
)
async def test_a_name_in_two_sources_is_refused(how: dict[str, Any]) -> None:
    assert (await refused(**how)).status == 400


async def test_repeated_query_keys_are_a_list() -> None:
    assert (await read(query={"tags": ["a", "b", "c"]}))["tags"] == ["a", "b", "c"]


async def test_a_query_key_given_once_is_a_list_where_the_model_wants_one() -> None:
    assert (await read(query={"tags": "a"}))["tags"] == ["a"]


async def test_repeated_query_keys_are_refused_where_the_model_wants_one_value() -> None:
    assert (await refused(query={"page": ["1", "2"]})).status == 400


async def test_headers_and_cookies_are_no_params() -> None:
    assert (await read(headers={"token": "header", "cookie": "token=cookie"}))["token"] == ""


async def test_an_empty_query_value_is_a_value() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, params: dict[str, str]) -> dict[str, str]:
            return params

        async def on_read(self, ws: Socket[dict[str, str]]) -> dict[str, str]:
            return ws.session

    async with Client(Application(Chat)) as client:
        assert await (await client.connect(query={"a": "", "b": "ü&="})).request("read") == {"a": "", "b": "ü&="}


# Validation


@pytest.mark.parametrize("v1", [True, False])
async def test_params_that_do_not_validate_are_refused(v1: bool) -> None:
    refusal = await refused(path="/game/seven", v1=v1)
    assert refusal.status == 400
    body = json.loads(refusal.body)
    assert body["code"] == "invalid_payload"
    assert [problem["loc"] for problem in body["details"]] == [["room"]]


async def test_the_refusal_never_quotes_the_input() -> None:
    refusal = await refused(query={"page": "hunter2"}, auth={"token": ["hunter2"]})
    assert refusal.status == 400
    assert b"hunter2" not in refusal.body


async def test_on_connect_never_runs_with_params_that_do_not_validate() -> None:
    ran: list[str] = []

    class Chat(Namespace, path="/"):
        async def on_connect(self, params: Params) -> None:
            ran.append("on_connect")

        async def on_disconnect(self, ws: Socket) -> None:
            ran.append("on_disconnect")

    assert (await refused(Chat, "/")).status == 400
    assert ran == []


async def test_strict_models_take_the_strings_of_a_path_and_a_query() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        room: int
        exact: bool

    class Chat(Namespace, path="/chat/{room}"):
        async def on_connect(self, ws: Socket, params: Strict) -> Strict:
            return params

        async def on_read(self, ws: Socket[Strict]) -> Strict:
            return ws.session

    async with Client(Application(Chat)) as client:
        alice = await client.connect("/chat/7", query={"exact": "true"})
        assert await alice.request("read") == {"room": 7, "exact": True}


async def test_the_models_constraints_and_aliases_count() -> None:
    class Aliased(BaseModel):
        api_key: str = Field(alias="api-key", min_length=3)

    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket, params: Aliased) -> str:
            return params.api_key

        async def on_read(self, ws: Socket[str]) -> str:
            return ws.session

    assert (await refused(Chat, "/", query={"api-key": "ab"})).status == 400
    async with Client(Application(Chat)) as client:
        assert await (await client.connect(query={"api-key": "abc"})).request("read") == "abc"


async def test_a_model_that_forbids_extras_refuses_an_unknown_name() -> None:
    class Exact(BaseModel):
        model_config = ConfigDict(extra="forbid")

    class Chat(Namespace, path="/"):
        async def on_connect(self, params: Exact) -> None: ...

    assert (await refused(Chat, "/", query={"page": "1"})).status == 400


async def test_without_params_nothing_is_read() -> None:
    class Chat(Namespace, path="/game/{room}"):
        async def on_connect(self, ws: Socket) -> str:
            return "connected"

        async def on_read(self, ws: Socket[str]) -> str:
            return ws.session

    async with Client(Application(Chat)) as client:
        assert await (await client.connect("/game/7", query={"room": "x"})).request("read") == "connected"


async def test_unannotated_params_are_what_was_given() -> None:
    class Chat(Namespace, path="/game/{room}"):
        async def on_connect(self, ws, params):  # type: ignore[no-untyped-def]  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
            return params  # pyright: ignore[reportUnknownVariableType]

        async def on_read(self, ws: Socket) -> Any:
            return ws.session

    async with Client(Application(Chat)) as client:
        alice = await client.connect("/game/7", query={"page": "2"}, auth={"token": 3})
        assert await alice.request("read") == {"room": "7", "page": "2", "token": 3}


async def test_a_template_of_two_parameters_fills_both() -> None:
    class Place(BaseModel):
        game: str
        table: int

    class Chat(Namespace, path="/game/{game}/table/{table}"):
        async def on_connect(self, ws: Socket, params: Place) -> Place:
            return params

        async def on_read(self, ws: Socket[Place]) -> Place:
            return ws.session

    async with Client(Application(Chat)) as client:
        alice = await client.connect("/game/chess/table/4")
        assert await alice.request("read") == {"game": "chess", "table": 4}


async def test_on_connect_takes_dependencies_beside_params() -> None:
    closed: list[str] = []

    async def session(ws: Socket) -> Any:
        yield f"session of {ws.headers['x-user']}"
        closed.append("session")

    class Chat(Namespace, path="/game/{room}"):
        async def on_connect(self, ws: Socket, params: Params, session: Annotated[str, Depends(session)]) -> str:
            assert closed == []
            return f"{session} in {params.room}"

        async def on_read(self, ws: Socket[str]) -> str:
            return ws.session

    async with Client(Application(Chat)) as client:
        alice = await client.connect("/game/7", headers={"x-user": "alice"})
        assert closed == ["session"]
        assert await alice.request("read") == "session of alice in 7"


# Auth data


async def test_auth_data_is_on_the_socket_and_nowhere_in_the_scope() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            assert ws.auth == {"token": "hunter2"}
            assert ws.scope["subprotocols"] == ["microsockets.v1"]
            assert not any(b"microsockets.auth" in value for _, value in ws.scope["headers"])

    async with Client(Application(Chat)) as client:
        alice = await client.connect(auth={"token": "hunter2"})
        assert alice.subprotocol == "microsockets.v1"


async def test_without_auth_data_auth_is_none() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket) -> None:
            assert ws.auth is None

    async with Client(Application(Chat)) as client:
        await client.connect()


async def test_auth_data_that_cannot_be_read_is_refused() -> None:
    assert (await refused(subprotocols=["microsockets.auth.%%%"])).code == 4401


async def test_a_default_stands_for_no_parameters_at_all() -> None:
    class Door(Namespace, path="/door"):
        async def on_connect(self, ws: Socket, params: Params | None = None) -> Params | None:
            return params

        async def on_room(self, ws: Socket[Params | None]) -> int | None:
            return None if ws.session is None else ws.session.room

    async with Client(Application(Door)) as client:
        assert await (await client.connect("/door")).request("room") is None
        assert await (await client.connect("/door?room=7")).request("room") == 7
        with pytest.raises(Refused):
            await client.connect("/door?page=7")


async def test_a_query_key_given_once_is_any_sequence_the_model_wants() -> None:
    class Tags(BaseModel):
        tags: Sequence[str]

    class Door(Namespace, path="/door"):
        async def on_connect(self, ws: Socket, params: Tags) -> Tags:
            return params

        async def on_tags(self, ws: Socket[Tags]) -> Tags:
            return ws.session

    async with Client(Application(Door)) as client:
        assert await (await client.connect("/door?tags=a")).request("tags") == {"tags": ["a"]}
