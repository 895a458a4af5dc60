"""`microsockets call` and `microsockets listen`, against a server in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.server.running import SECONDS, Running, serving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running, None, None]:
    with serving(tmp_path_factory.mktemp("server"), "examples.contract:app") as running:
        yield running


def url(server: Running) -> str:
    return f"ws://127.0.0.1:{server.port}/auction/1"


def test_call_prints_the_answer(server: Running) -> None:
    result = run("call", url(server), "bid", '{"lot": 7, "amount": 2500}')
    assert (result.exit_code, result.stdout) == (0, '{"amount": 2500, "open": true}\n')


def test_call_reads_the_payload_from_standard_input(server: Running) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "microsockets", "call", url(server), "bid", "-"],
        input='{"lot": 7, "amount": 100}',
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert json.loads(ended.stdout) == {"amount": 100, "open": True}


def test_call_prints_the_items_of_a_stream(server: Running) -> None:
    result = run("call", url(server), "watch", "7", "--stream")
    assert (result.exit_code, result.stdout) == (0, '{"amount": 0, "open": true}\n')


def test_an_error_as_the_answer_exits_with_1_and_shows_its_details(server: Running) -> None:
    result = run("call", url(server), "bid", '{"lot": 7, "amount": 1}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == 'Error: too_low: Somebody has bid more\n{"amount": 100, "open": true}\n'


def test_an_invalid_payload_is_told_by_its_place(server: Running) -> None:
    result = run("call", url(server), "bid", '{"lot": 0, "amount": 1}')
    assert result.exit_code == 1
    assert '"loc": ["lot"]' in result.stderr


def test_what_is_no_json_is_told_without_being_repeated(server: Running) -> None:
    result = run("call", url(server), "bid", "secret")
    assert result.exit_code == 2
    assert "this is no JSON" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize("payload", ["NaN", "[Infinity]", "-Infinity", "[" * 100_000])
def test_what_only_python_takes_for_json_is_refused(server: Running, payload: str) -> None:
    result = run("call", url(server), "bid", payload)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()[-1]) < 200


@pytest.mark.parametrize("command", [("call", "EVENT"), ("listen",)])
def test_without_a_connection_they_exit_with_3(server: Running, command: tuple[str, ...]) -> None:
    nowhere = f"ws://127.0.0.1:{server.port}/nowhere"
    result = run(command[0], nowhere, *command[1:])
    assert result.exit_code == 3
    assert nowhere in result.stderr


def test_it_is_said_once_and_in_one_line(server: Running) -> None:
    # In a process of its own, since pytest takes what is logged in this one.
    nowhere = f"ws://127.0.0.1:{server.port}/nowhere"
    done = subprocess.run(
        [sys.executable, "-m", "microsockets", "call", nowhere, "event"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("call", "EVENT"), ("listen",)])
def test_an_address_that_is_none_is_told(command: tuple[str, ...]) -> None:
    result = run(command[0], "nowhere", *command[1:])
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


def test_listen_stops_after_so_many_events(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.cli.served:app") as server:
        result = run("listen", f"ws://127.0.0.1:{server.port}/ticks", "tick", "--count", "2")
        assert result.exit_code == 0
        assert [json.loads(line) for line in result.stdout.splitlines()] == [
            {"event": "tick", "payload": 1},
            {"event": "tick", "payload": 2},
        ]


def test_listen_says_why_the_connection_was_closed(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.cli.served:app") as server:
        result = run("listen", f"ws://127.0.0.1:{server.port}/ticks")
        assert result.exit_code == 3
        assert len(result.stdout.splitlines()) == 6
        assert "4000 enough" in result.stderr


@contextmanager
def started(*arguments: str) -> Generator[subprocess.Popen[str], None, None]:
    """The command, in a process of its own."""
    command = [sys.executable, "-m", "microsockets", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and what was said of it."""
    assert process.stderr is not None
    return process.wait(SECONDS), process.stderr.read()


def test_listen_ends_when_nobody_reads_any_more(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "tests.cli.served:app") as server,
        started("listen", f"ws://127.0.0.1:{server.port}/clock") as listening,
    ):
        assert json.loads(first_line(listening)) == {"event": "tick", "payload": 1}
        assert listening.stdout is not None
        listening.stdout.close()
        assert ended(listening) == (1, "")


def test_listen_can_be_interrupted(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "tests.cli.served:app") as server,
        started("listen", f"ws://127.0.0.1:{server.port}/clock") as listening,
    ):
        first_line(listening)
        listening.send_signal(signal.SIGINT)
        assert ended(listening) == (0, "")


def test_call_can_be_interrupted(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.cli.served:app") as server:
        address = f"ws://127.0.0.1:{server.port}/clock"
        with started("call", address, "forever", "--timeout", "60") as calling:
            assert run("call", address, "until_called").exit_code == 0
            calling.send_signal(signal.SIGINT)
            assert ended(calling) == (130, "")


def test_auth_is_sent(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.cli.served:app") as server:
        address = f"ws://127.0.0.1:{server.port}/guarded"
        assert run("call", address, "whoami", "--auth", '{"token": "ada"}').stdout == '"ada"\n'
        refused = run("call", address, "whoami")
        assert refused.exit_code == 3
