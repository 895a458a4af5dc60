"""The wire as another library's client sees it, under each server."""

from __future__ import annotations

import http.client
from datetime import datetime

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.peers import V1, member, peer
from tests.e2e.servers import Server

pytestmark = pytest.mark.e2e


async def test_a_v1_peer_is_greeted(server: Server) -> None:
    async with peer(server.chat_url) as ada:
        assert ada.subprotocol == V1
        hello = await ada.event("$hello")
    assert hello["id"]
    assert hello["limits"]["frame_bytes"] == 65536
    assert hello["features"] == []


async def test_a_plain_peer_gets_answers_and_no_control_frames(server: Server, room: str) -> None:
    async with peer(server.chat_url, v1=False) as ada:
        assert ada.subprotocol is None
        assert await ada.answer("join", {"user": "Ada", "room": room}) == ["Ada"]


async def test_joining_answers_who_is_here_and_tells_the_others(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada, peer(server.chat_url) as bob:
        await bob.event("$hello")
        assert await bob.answer("join", {"user": " Bob ", "room": room}) == ["Ada", "Bob"]
        assert await ada.change() == ("joined", "Bob")


@pytest.mark.parametrize("v1", [True, False], ids=["v1", "plain"])
async def test_a_message_is_answered_and_broadcast(server: Server, room: str, v1: bool) -> None:
    async with member(server.chat_url, "Ada", room, v1=v1) as ada, member(server.chat_url, "Bob", room, v1=v1) as bob:
        answer = await ada.answer("say", "hello")
        assert answer["text"] == "hello"
        assert answer["user"] == "Ada"
        assert datetime.fromisoformat(answer["at"]).tzinfo is not None
        assert await bob.event("said") == answer


async def test_rooms_are_apart(server: Server, room: str) -> None:
    async with (
        member(server.chat_url, "Ada", room) as ada,
        member(server.chat_url, "Ada", f"{room}-2") as other,
        member(server.chat_url, "Bob", f"{room}-2") as bob,
    ):
        await ada.answer("say", "only here")
        await other.answer("say", "only there")
        assert (await bob.event("said"))["text"] == "only there"


async def test_a_message_may_hold_any_text(server: Server, room: str) -> None:
    text = 'é 漢字 \U0001f600 "quoted" \\ \u2028 <b>&amp;'
    async with member(server.chat_url, "Ada", room) as ada, member(server.chat_url, "Bob", room) as bob:
        await ada.answer("say", text)
        assert (await bob.event("said"))["text"] == text


async def test_typing_is_shown_to_the_others(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada, member(server.chat_url, "Bob", room) as bob:
        await bob.send("typing")
        assert await ada.event("typing") == {"user": "Bob", "room": room}


async def test_joining_another_room_leaves_the_first(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada, member(server.chat_url, "Bob", room) as bob:
        assert await ada.change() == ("joined", "Bob")
        assert await bob.answer("join", {"user": "Bob", "room": f"{room}-2"}) == ["Bob"]
        assert await ada.change() == ("left", "Bob")


async def test_a_name_that_is_taken_is_a_typed_error(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room), peer(server.chat_url) as other:
        await other.event("$hello")
        error = await other.error("join", {"user": "ada", "room": room})
        assert error == {"code": "name_taken", "message": "Somebody in this room has that name already"}
        assert await other.answer("join", {"user": "Bob", "room": room}) == ["Ada", "Bob"]


async def test_speaking_before_joining_is_a_typed_error(server: Server) -> None:
    async with peer(server.chat_url) as ada:
        await ada.event("$hello")
        assert (await ada.error("say", "hello"))["code"] == "not_in_room"
        await ada.send("typing")
        assert await ada.event("$error") == {"code": "not_in_room", "message": "Join a room first", "event": "typing"}


async def test_a_wrong_payload_names_the_field_and_never_the_value(server: Server) -> None:
    async with peer(server.chat_url) as ada:
        await ada.event("$hello")
        error = await ada.error("join", {"user": "s3cret" * 10, "room": 7})
        assert error["code"] == "invalid_payload"
        assert [problem["loc"] for problem in error["details"]] == [["user"], ["room"]]
        assert "s3cret" not in str(error)
        await ada.send("join", {"user": "Ada"})
        failure = await ada.event("$error")
        assert failure["code"] == "invalid_payload"
        assert failure["event"] == "join"


@pytest.mark.parametrize("event", ["nope", "connect", "disconnect", "__class__", "on_join", "join "])
async def test_an_unknown_event_is_refused(server: Server, event: str) -> None:
    async with peer(server.chat_url) as ada:
        await ada.event("$hello")
        assert (await ada.error(event))["code"] == "unknown_event"


@pytest.mark.parametrize(
    "data",
    ["", "not json", "[]", "7", '{"payload": 1}', '{"event": 7}', '{"event": "say", "id": -1}', "[" * 50_000, b"\x00"],
    ids=["empty", "text", "list", "number", "no event", "event a number", "id below 0", "deep", "binary"],
)
async def test_a_bad_frame_is_told_and_the_connection_lives_on(server: Server, room: str, data: str | bytes) -> None:
    async with peer(server.chat_url) as ada:
        await ada.event("$hello")
        await ada.send_raw(data)
        assert (await ada.event("$error"))["code"] == "bad_frame"
        assert await ada.answer("join", {"user": "Ada", "room": room}) == ["Ada"]


async def test_a_frame_over_the_limit_is_told_and_the_connection_lives_on(server: Server, room: str) -> None:
    async with peer(server.chat_url) as ada:
        await ada.event("$hello")
        await ada.send("say", "x" * 65536)
        assert (await ada.event("$error"))["code"] == "too_large"
        assert await ada.answer("join", {"user": "Ada", "room": room}) == ["Ada"]


async def test_a_ping_is_answered(server: Server) -> None:
    async with peer(server.chat_url) as ada:
        await ada.event("$hello")
        assert await ada.answer("$ping") is None


async def test_messages_come_in_order(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada, member(server.chat_url, "Bob", room) as bob:
        for number in range(8):
            await ada.send("say", f"message {number}")
        assert [(await bob.event("said"))["text"] for _ in range(8)] == [f"message {number}" for number in range(8)]


async def test_speaking_too_fast_is_told_with_a_time_to_wait(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada:
        for number in range(100):
            frame = await ada.request("say", f"message {number}")
            if "error" in frame:
                assert frame["error"]["code"] == "rate_limited"
                assert 0 < frame["error"]["details"]["retry_after"] <= 1
                return
    pytest.fail("100 messages at once passed")


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_the_others_see_who_has_gone(server: Server, room: str, how: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada, member(server.chat_url, "Bob", room) as bob:
        assert await ada.change() == ("joined", "Bob")
        if how == "close":
            await bob.close()
        else:
            bob.cut()
        assert await ada.change() == ("left", "Bob")
        async with member(server.chat_url, "Bob", room):
            assert await ada.change() == ("joined", "Bob")


async def test_joining_and_closing_at_once_leaves_nobody_behind(server: Server, room: str) -> None:
    async with member(server.chat_url, "Ada", room) as ada:
        async with peer(server.chat_url) as bob:
            await bob.send("join", {"user": "Bob", "room": room})
        # Who has left before anybody was told has never been there.
        async with member(server.chat_url, "Eve", room):
            changes = [await ada.change()]
            while changes[-1] != ("joined", "Eve"):
                changes.append(await ada.change())
        assert changes in ([("joined", "Eve")], [("joined", "Bob"), ("left", "Bob"), ("joined", "Eve")])
        assert await ada.answer("join", {"user": "Ada", "room": room}) == ["Ada"]


async def test_an_unknown_path_is_closed_for_a_v1_peer(server: Server) -> None:
    async with peer(f"ws://{server.host}/nowhere") as lost:
        assert await lost.closed() == (4504, "not_found")


async def test_an_unknown_path_is_refused_for_a_plain_peer(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with peer(f"ws://{server.host}/nowhere", v1=False):
            pass
    # 403 is what a server without denial responses can say.
    assert refusal.value.response.status_code in (404, 403)


async def test_a_page_of_another_site_is_refused(server: Server) -> None:
    for v1 in (True, False):
        with pytest.raises(InvalidStatus) as refusal:
            async with peer(server.chat_url, v1=v1, origin="https://elsewhere.example"):
                pass
        assert refusal.value.response.status_code == 403


async def test_a_page_of_this_site_is_admitted(server: Server) -> None:
    async with peer(server.chat_url, origin=f"http://{server.host}") as ada:
        await ada.event("$hello")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/microsockets.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
def test_the_page_is_served(server: Server, path: str, content_type: str) -> None:
    response, body = _request(server, "GET", path)
    assert response.status == 200
    assert response.headers["content-type"] == content_type
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert len(body) == int(response.headers["content-length"])


@pytest.mark.parametrize("path", ["/nowhere", "/../app.py", "/static/index.html", "//app.js"])
def test_nothing_else_is_served(server: Server, path: str) -> None:
    response, _ = _request(server, "GET", path)
    assert response.status == 404


def test_the_page_is_read_only(server: Server) -> None:
    response, _ = _request(server, "POST", "/")
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD"
    response, body = _request(server, "HEAD", "/")
    assert response.status == 200
    assert body == b""


def _request(server: Server, method: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()
