"""status.py: the closed vocabularies of the wire."""

from __future__ import annotations

from microsockets.status import HANDSHAKE_REFUSALS, RETRYABLE_CLOSE_CODES, CloseCode, ErrorCode, is_close_code


def test_the_error_codes_are_the_documented_ones() -> None:
    assert {code.value for code in ErrorCode} == {
        "bad_frame",
        "unknown_event",
        "invalid_payload",
        "unauthorized",
        "forbidden",
        "rate_limited",
        "overloaded",
        "timeout",
        "cancelled",
        "too_large",
        "unavailable",
        "internal_error",
    }


def test_an_error_code_is_its_text() -> None:
    assert f"{ErrorCode.TOO_LARGE}" == "too_large"


def test_clients_retry_after_these_close_codes_and_no_others() -> None:
    assert {1001, 1005, 1006, 1011, 1012, 1013, 4401, 4413, 4429} == RETRYABLE_CLOSE_CODES


def test_close_codes_of_the_server_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in CloseCode} == {
        "NORMAL": 1000,
        "PROTOCOL_ERROR": 1002,
        "INVALID_DATA": 1007,
        "TOO_BIG": 1009,
        "INTERNAL_ERROR": 1011,
        "RESTART": 1012,
        "OVERLOADED": 1013,
        "UNAUTHORIZED": 4401,
        "SLOW_READER": 4413,
        "FLOOD": 4429,
        "FORBIDDEN": 4503,
        "NOT_FOUND": 4504,
        "TAKEN_OVER": 4509,
    }


def test_a_refusal_has_an_http_status_and_a_close_code() -> None:
    assert HANDSHAKE_REFUSALS == {"unauthorized": (401, 4401), "forbidden": (403, 4503), "not_found": (404, 4504)}


def test_a_close_frame_carries_these_codes_and_no_others() -> None:
    allowed = [code for code in range(70_000) if is_close_code(code)]
    assert allowed == [1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)]
    assert not is_close_code("1000")
    assert not is_close_code(None)
