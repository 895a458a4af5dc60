"""protocol/frames.py: bytes in, values out, and `BadFrame` for everything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from microsockets.errors import BadFrame
from microsockets.protocol.frames import (
    ABSENT,
    MAX_ID,
    NO_ID,
    Frame,
    check_numbers,
    decode,
    decode_error,
    encode_answer,
    encode_end,
    encode_error,
    encode_event,
    encode_failure,
    encode_hello,
    encode_item,
    encode_question,
    event_head,
)

text = st.text(st.characters(blacklist_categories=["Cs"]))
ids = st.integers(0, MAX_ID)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
finite_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(text, children, max_size=4),
    max_leaves=10,
)
keys = st.sampled_from(["event", "payload", "id", "ack", "error", "other"])


def decode_or_refuse(data: bytes) -> Frame | None:
    try:
        return decode(data)
    except BadFrame:
        return None


class TestDecode:
    def test_an_event(self) -> None:
        frame = decode(b'{"event":"join","payload":{"a": 1},"id":7}')
        assert (frame.event, bytes(frame.payload), frame.id, frame.ack) == ("join", b'{"a": 1}', 7, NO_ID)

    def test_an_absent_payload_differs_from_null(self) -> None:
        assert decode(b'{"event":"join"}').payload is ABSENT
        assert bytes(decode(b'{"event":"join","payload":null}').payload) == b"null"

    def test_an_answer(self) -> None:
        frame = decode(b'{"ack":0,"payload":null}')
        assert (frame.event, frame.ack, bytes(frame.payload), frame.error is ABSENT) == (None, 0, b"null", True)

    def test_an_error_answer(self) -> None:
        assert bytes(decode(b'{"ack":1,"error":{"code":"no"}}').error) == b'{"code":"no"}'

    def test_unknown_keys_are_ignored(self) -> None:
        assert decode(b'{"event":"a","trace":{"x":[1]},"room":"r"}').event == "a"

    def test_of_a_key_given_twice_the_last_counts(self) -> None:
        assert decode(b'{"event":"a","event":"b"}').event == "b"

    @pytest.mark.parametrize("id", [0, MAX_ID])
    def test_ids_go_from_0_to_2_to_the_53_less_1(self, id: int) -> None:
        assert decode(b'{"event":"a","id":%d}' % id).id == id

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"event"',
            b"{}",
            b'{"event":null}',
            b'{"event":1}',
            b'{"event":"a","ack":1}',
            b'{"event":"a"} x',
            b'{"event":"a","id":-1}',
            b'{"event":"a","id":%d}' % (MAX_ID + 1),
            b'{"event":"a","id":1.5}',
            b'{"event":"a","id":"1"}',
            b'{"event":"a","id":true}',
            b'{"event":"a","id":null}',
            b'{"event":"a","id":' + b"9" * 5000 + b"}",
            b'{"event":"a","payload":NaN}',
            b'{"event":"a","payload":Infinity}',
            b'{"event":"\xff"}',
            b'{"event":"\\ud800"}',
            b"\xef\xbb\xbf" + b'{"event":"a"}',
            b'{"event":"a","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
            b"[" * 65_536,
            b'{"a":' * 10_000,
        ],
    )
    def test_what_is_no_frame_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadFrame):
            decode(data)

    def test_a_refusal_never_quotes_the_frame(self) -> None:
        for data in (b'{"event":["secret"]}', b'{"event":"a","id":"secret"}', b"secret", b'{"secret"}'):
            with pytest.raises(BadFrame) as caught:
                decode(data)
            assert "secret" not in caught.value.message

    @given(data=st.binary(max_size=200))
    @example(data=b"\xff")
    @example(data=b"\x00")
    def test_any_bytes_are_a_frame_or_bad(self, data: bytes) -> None:
        decode_or_refuse(data)

    @given(value=json_values)
    def test_any_json_is_a_frame_or_bad(self, value: Any) -> None:
        decode_or_refuse(json.dumps(value).encode())

    @given(value=st.dictionaries(keys, json_values))
    def test_any_object_of_these_keys_is_a_frame_or_bad(self, value: dict[str, Any]) -> None:
        frame = decode_or_refuse(json.dumps(value).encode())
        if frame is not None:
            assert (frame.event is None) is (frame.ack != NO_ID)
            assert -1 <= frame.id <= MAX_ID

    @given(prefix=st.binary(max_size=20), suffix=st.binary(max_size=20))
    def test_any_bytes_within_a_payload_are_kept_or_bad(self, prefix: bytes, suffix: bytes) -> None:
        decode_or_refuse(b'{"event":"a","payload":' + prefix + b'"' + suffix + b"}")


class TestNumbers:
    @pytest.mark.parametrize(
        "payload",
        [
            b"1e999",
            b"-1e999",
            b"1E+400",
            b'{"x":[1e309]}',
            b"1" + b"0" * 400 + b".5",
            b"1" + b"0" * 250 + b"e99",
            b"1" + b"0" * 300 + b"E+9",
            b"1" + b"0" * 300 + b".5e9",
            b"1e00000999",
        ],
    )
    def test_a_number_beyond_a_double_is_refused(self, payload: bytes) -> None:
        with pytest.raises(BadFrame):
            check_numbers(payload)

    @pytest.mark.parametrize("digits", [310, 4000, 5000])
    def test_a_whole_number_beyond_a_double_is_refused(self, digits: int) -> None:
        with pytest.raises(BadFrame):
            check_numbers(b"1" + b"0" * digits)

    @pytest.mark.parametrize(
        "payload",
        [
            b"0",
            b"1e308",
            b"1e-999",
            b"1.5e+100",
            b'"1e999"',
            b'"' + b"9" * 400 + b'"',
            b'{"1e999":"e400"}',
            b"1" + b"0" * 300,
            b"[" + b"1," * 400 + b"1]",
            b"0." + b"3" * 400,
            b"0." + b"0" * 400 + b"1e100",
        ],
    )
    def test_other_numbers_and_text_pass(self, payload: bytes) -> None:
        check_numbers(payload)

    @pytest.mark.parametrize("payload", [b"[1e100", b"1e100" + b"[" * 60_000, b"[" * 60_000 + b"1e100" + b"]" * 60_000])
    def test_what_has_to_be_looked_at_and_is_no_json_is_refused(self, payload: bytes) -> None:
        with pytest.raises(BadFrame):
            check_numbers(payload)

    @given(value=finite_values)
    def test_finite_json_passes(self, value: Any) -> None:
        check_numbers(json.dumps(value).encode())

    @given(digits=st.integers(1, 330), exponent=st.integers(0, 330))
    def test_what_a_parser_makes_infinity_of_is_refused(self, digits: int, exponent: int) -> None:
        payload = b"7" * digits + b"e%d" % exponent
        if float(payload) == float("inf"):
            with pytest.raises(BadFrame):
                check_numbers(payload)
        else:
            check_numbers(payload)

    @given(data=st.binary(max_size=400))
    def test_any_bytes_pass_or_are_bad(self, data: bytes) -> None:
        for payload in (data, data + b"e999"):
            with suppress(BadFrame):
                check_numbers(payload)


class TestEncode:
    @given(event=text, value=finite_values)
    def test_an_event_comes_back(self, event: str, value: Any) -> None:
        payload = json.dumps(value).encode()
        data = encode_event(event, payload)
        assert data == event_head(event) + payload + b"}"
        assert json.loads(data) == {"event": event, "payload": value}
        frame = decode(data)
        assert (frame.event, bytes(frame.payload), frame.id) == (event, payload, NO_ID)

    @given(event=text, id=ids, value=finite_values)
    def test_a_question_comes_back(self, event: str, id: int, value: Any) -> None:
        payload = json.dumps(value).encode()
        frame = decode(encode_question(event, id, payload))
        assert (frame.event, frame.id, bytes(frame.payload)) == (event, id, payload)

    @given(id=ids, value=finite_values)
    def test_an_answer_comes_back(self, id: int, value: Any) -> None:
        payload = json.dumps(value).encode()
        frame = decode(encode_answer(id, payload))
        assert (frame.ack, bytes(frame.payload), frame.event) == (id, payload, None)

    @given(id=ids, code=text, message=text, details=st.none() | finite_values)
    def test_an_error_answer_comes_back(self, id: int, code: str, message: str, details: Any) -> None:
        encoded = None if details is None else json.dumps(details).encode()
        frame = decode(encode_failure(id, encode_error(code, message, encoded)))
        error = decode_error(bytes(frame.error))
        assert (frame.ack, error.code, error.message) == (id, code, message)
        assert error.details == (None if encoded is None else msgspec.json.decode(encoded))

    def test_a_stream(self) -> None:
        assert json.loads(encode_item(3, b"[1]")) == {"ack": 3, "item": [1]}
        assert json.loads(encode_end(3)) == {"ack": 3}

    def test_an_error_has_details_and_event_only_when_given(self) -> None:
        assert json.loads(encode_error("no", "Not now")) == {"code": "no", "message": "Not now"}
        assert json.loads(encode_error("no", "", b"[]", "join")) == {
            "code": "no",
            "message": "",
            "details": [],
            "event": "join",
        }

    def test_the_first_frame_says_hello(self) -> None:
        assert json.loads(encode_hello("abc", {"rooms": 64}, ["room"], None)) == {
            "event": "$hello",
            "payload": {"id": "abc", "limits": {"rooms": 64}, "features": ["room"], "contract": None},
        }


class TestDecodeError:
    def test_only_the_code_is_needed(self) -> None:
        error = decode_error(b'{"code":"no","more":1}')
        assert (error.code, error.message, error.details) == ("no", "", None)

    @pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"code":1}', b'{"code":"\xff"}', b'{"code":"\\ud800"}'])
    def test_without_a_code_it_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadFrame, match='needs a "code"'):
            decode_error(data)

    @given(data=st.binary(max_size=100))
    def test_any_bytes_are_an_error_object_or_bad(self, data: bytes) -> None:
        with suppress(BadFrame):
            assert isinstance(decode_error(data).code, str)

    def test_nested_too_deeply_is_refused(self) -> None:
        with pytest.raises(BadFrame):
            decode_error(b'{"code":"no","details":' + b"[" * 30_000 + b"]" * 30_000 + b"}")
