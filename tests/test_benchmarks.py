"""The benchmarks measure what they say they do: their arithmetic, their dialects, and the load on a real server."""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import compare as comparison
from benchmarks.__main__ import main
from benchmarks.chart import chart
from benchmarks.compiler import find_compiler
from benchmarks.contenders import CONTENDERS, Contender, by_name
from benchmarks.dialects import CHANX, MICROSOCKETS, SOCKET_IO, Dialect, Expected, Sent
from benchmarks.goals import GOALS, Goal
from benchmarks.load import Generator, Plan, find_generator, python_generator, run
from benchmarks.messages import ECHO, LONG, SAID
from benchmarks.pages import write
from benchmarks.rehearsal import Script, rehearse
from benchmarks.results import Result, Results, load, save
from benchmarks.results import Server as Entry
from benchmarks.server import Server
from benchmarks.tables import detail, goals, number, overview, warnings
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parent.parent
OURS, UVICORN, FLOOR = (by_name([name])[0] for name in ("microsockets", "microsockets-uvicorn", "floor"))
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="there is no C compiler")


# What the servers say

SAYS: list[tuple[Dialect, Callable[[int, Any], str], str]] = [
    (MICROSOCKETS, lambda n, p: f'{{"ack": {n}, "payload": {p}}}', '{"event": "said", "payload": {"n": 1}}'),
    (SOCKET_IO, lambda n, p: f"43{n}[{p}]", '42["said",{"n":1}]'),
    (
        CHANX,
        lambda n, p: f'{{"action":"echoed","payload":{p},"version":1,"ref":"{n}"}}',
        '{"action":"said","payload":{"n":1}}',
    ),
]
each_dialect = pytest.mark.parametrize(("dialect", "answers", "said"), SAYS, ids=["microsockets", "socket.io", "chanx"])


@each_dialect
def test_a_dialect_reads_answers_and_messages(dialect: Dialect, answers: Callable[[int, Any], str], said: str) -> None:
    assert dialect.answer(3, answers(3, '{"n": 1}')) == {"n": 1}
    assert dialect.said(said) == {"n": 1}


@each_dialect
def test_a_dialect_takes_nothing_else_for_one(dialect: Dialect, answers: Callable[[int, Any], str], said: str) -> None:
    errors = ['{"ack":3,"error":{}}', '433[{"error":[]}]', '{"action":"error","payload":[],"version":1,"ref":"3"}']
    for text in [answers(4, "1"), said, "", "{}", "[]", "2", *errors]:
        with pytest.raises(ValueError, match=r"."):
            dialect.answer(3, text)
    for text in [answers(3, "1"), "", "{}", "[]", '42["other",1]', *errors]:
        with pytest.raises(ValueError, match=r"."):
            dialect.said(text)


@each_dialect
def test_requests_of_a_kind_are_of_one_length(dialect: Dialect, answers: object, said: object) -> None:
    assert len({len(dialect.echo(number, ECHO)) for number in range(10)}) == 1
    assert len({len(text) for text in (dialect.echo(0, ECHO), dialect.join(0), dialect.say(0, SAID))}) == 3


def test_an_acknowledgement_without_a_payload_is_none() -> None:
    assert SOCKET_IO.answer(1, "431[]") is None
    assert MICROSOCKETS.answer(1, '{"ack":1,"payload":null}') is None


# What follows from the figures


def results(values: dict[str, dict[str, list[float | None]]], ours: str = "microsockets") -> Results:
    """By workload and server, round by round; None where it failed."""
    measured = [
        Result(server, workload, number, value, {"p99_us": 1500.0, "load_share": 0.1 * (number + 1)})
        if value is not None
        else Result(server, workload, number, None, failed="it was\ntired")
        for workload, servers in values.items()
        for server, rounds in servers.items()
        for number, value in enumerate(rounds)
    ]
    names = sorted({each.server for each in measured}, key=[each.name for each in CONTENDERS].index)
    machine = {"load generator": "C"}
    options = {"rounds": 3, "seconds": 1.0, "shared core": False, "used by others": 0.01}
    servers = [Entry(name, f"label of {name}", name == ours, {}) for name in names]
    return Results(machine, options, servers, {}, measured)


def test_a_ratio_is_the_median_of_those_within_each_round() -> None:
    found = results({"echo-50": {"microsockets": [10.0, 40.0, 90.0], "ws": [10.0, 20.0, 10.0]}})
    assert found.value("microsockets", "echo-50") == 40
    assert found.ratio("echo-50", "ws") == 2


def test_the_processor_time_is_compared_too() -> None:
    found = results({"echo-50": {"microsockets": [10.0], "ws": [10.0]}})
    assert found.cheaper("echo-50", "ws") is None
    for result in found.results:
        result.figures["each_us"] = 8.0 if result.server == "microsockets" else 12.0
    assert found.cheaper("echo-50", "ws") == 1.5
    assert goals(found).rows[4][3:] == ["1x", "1.5x", "met"]


def test_a_round_that_failed_is_left_out_and_told() -> None:
    found = results({"echo-50": {"microsockets": [10.0, 20.0, None], "ws": [5.0, None, None], "chanx": [None]}})
    assert found.ratio("echo-50", "ws") == 2
    assert found.ratio("echo-50", "chanx") is None
    assert found.value("chanx", "echo-50") is None
    table = detail(found, found.workloads[0]).terminal()
    assert table.splitlines()[4].split("failed")[-1] == ": it was"
    assert len(table.splitlines()) == 5


def test_a_server_that_let_everybody_wait_is_beyond_all_others() -> None:
    found = results({"stalled": {"microsockets": [1.1], "asgi": [math.inf], "ws": [1.5]}})
    rows = detail(found, found.workloads[0]).rows
    assert [row[:2] for row in rows] == [
        ["label of microsockets", "1.1"],
        ["label of ws", "1.5"],
        ["label of asgi", "never"],
    ]


def test_the_highest_share_of_the_load_is_told() -> None:
    found = results({"echo-1": {"microsockets": [1.0, 1.0, 1.0]}})
    assert detail(found, found.workloads[0]).rows[0][-2] == "30%"


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal("echo-50", 2, 3, "ws"), "met"),
        (Goal("echo-50", 2.1, 3, "ws"), "NOT MET"),
        (Goal("echo-50", 2, 3, "picows"), "not measured"),
        (Goal("memory", 12, 10, falls=True), "met"),
        (Goal("memory", 11, 10, falls=True), "NOT MET"),
        (Goal("stalled", 2, 1, falls=True), "not measured"),
    ],
)
def test_goals(goal: Goal, verdict: str) -> None:
    found = results({"echo-50": {"microsockets": [2.0], "ws": [1.0]}, "memory": {"microsockets": [12.0]}})
    assert goal.verdict(found) == verdict


def test_goals_without_ours_are_not_measured() -> None:
    found = results({"memory": {"ws": [8.0]}})
    assert {goal.verdict(found) for goal in GOALS} == {"not measured"}
    assert goals(found).rows[0][-3:] == ["", "", "not measured"]


def test_every_goal_is_about_something_that_is_measured() -> None:
    names = {contender.name for contender in CONTENDERS}
    assert {goal.workload for goal in GOALS} <= {workload.name for workload in WORKLOADS}
    assert {goal.peer for goal in GOALS} - {None} <= names


def test_numbers_keep_three_digits() -> None:
    assert [number(value) for value in (None, math.inf, 0.12345, 8.4, 99.96, 123456.7)] == [
        "",
        "never",
        "0.123",
        "8.4",
        "100",
        "123,457",
    ]


def test_what_makes_figures_doubtful_is_told() -> None:
    found = results({})
    assert list(warnings(found)) == []
    found.left_out["chanx"] = "not installed: pip install chanx"
    found.options.update({"shared core": True, "used by others": 0.5})
    found.machine["load generator"] = "Python"
    assert [text.split()[0] for text in warnings(found)] == ["chanx", "There", "There", "Other"]


def test_results_survive_json(tmp_path: Path) -> None:
    found = results({"stalled": {"microsockets": [1.25, None], "asgi": [math.inf]}})
    save(found, tmp_path / "results.json")
    again = load(tmp_path / "results.json")
    assert overview(again) == overview(found)
    assert again.value("asgi", "stalled") == math.inf
    assert again.failure("microsockets", "stalled") == "it was\ntired"


def test_the_chart_is_an_svg_with_a_bar_for_each_figure() -> None:
    found = results({"echo-50": {"microsockets": [2.0], "ws": [4.0], "chanx": [None]}, "echo-1": {"ws": [1.0]}})
    svg = ET.fromstring(chart(found))
    bars = [each for each in svg if each.tag.endswith("rect")]
    assert [(each.get("class"), each.get("width")) for each in bars] == [("peer", "470.0"), ("ours", "235.0")]


def test_the_documentation_holds_what_its_results_say(tmp_path: Path) -> None:
    folder = ROOT / "docs/benchmarks"
    for path in write(load(folder / "results.json"), tmp_path):
        assert (folder / path.name).read_text() == path.read_text()


# The load on a real server


def test_what_is_not_installed_is_named() -> None:
    nothing = dataclasses.replace(OURS, packages=("uvicorn", "no_such_package"))
    assert nothing.missing() == "not installed: pip install no_such_package"
    assert OURS.missing() is None


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("ours", UVICORN.command) as server:
        yield server


@pytest.fixture(scope="module")
def script(server: Server) -> Script:
    return rehearse(server, UVICORN, in_flight=2, payload=SAID)


@pytest.fixture(params=[pytest.param("C", marks=needs_compiler), "Python"])
def generator(request: pytest.FixtureRequest) -> Generator:
    return find_generator() if request.param == "C" else python_generator()


def test_a_rehearsal_finds_out_what_is_said(script: Script) -> None:
    payload = '{"text":"hello world","n":42}'
    assert [answer for _, answer in script.asks] == [f'{{"ack":{number},"payload":{payload}}}' for number in (0, 1)]
    assert script.joining == (Sent('{"event":"join","id":1,"payload":"lobby"}'), Expected('{"ack":1,"payload":null}'))
    assert script.said == '{"event":"said","payload":{"text":"hello to everybody","n":1}}'
    assert script.done == '{"ack":2,"payload":null}'


@needs_compiler
def test_a_server_that_validates_nothing_is_found_out() -> None:
    pretender = dataclasses.replace(FLOOR, validates=True)
    with Server("floor", FLOOR.command) as server, pytest.raises(RuntimeError, match="takes a payload that is wrong"):
        rehearse(server, pretender, in_flight=1, payload=LONG)


def test_echoes(generator: Generator, server: Server, script: Script) -> None:
    figures = run(generator, Plan("echo", 3, 2, seconds=0.2, warm_up=0.05), server, MICROSOCKETS, script)
    assert figures.connections == 3
    assert figures.operations > 10
    assert 0 < figures.p50_us <= figures.p99_us <= figures.max_us
    assert 0 < figures.load_share < 1.1
    assert 0 < figures.server_share < 1.1


def test_broadcasts_reach_all_who_read(generator: Generator, server: Server, script: Script) -> None:
    plan = Plan("fanout", 12, seconds=0.2, stalled=2, prefill=3)
    figures = run(generator, plan, server, MICROSOCKETS, script)
    assert figures.connections == 13
    assert figures.operations > 0
    assert figures.operations % 10 == 0
    assert not figures.blocked


def test_a_storm(generator: Generator, server: Server, script: Script) -> None:
    plan = Plan("storm", 20, seconds=5.0, warm_connections=5)
    figures = run(generator, plan, server, MICROSOCKETS, script)
    assert 20 <= figures.operations <= 70


def test_connections_are_held_until_they_are_counted(generator: Generator, server: Server, script: Script) -> None:
    sizes: list[int] = []
    plan = Plan("hold", 60, warm_connections=5)
    figures = run(generator, plan, server, MICROSOCKETS, script, ready=lambda: sizes.append(server.memory_bytes()))
    assert figures.operations == 60
    assert figures.connections == 65
    assert len(sizes) == 2


def test_an_answer_that_is_not_real_ends_the_run(generator: Generator, server: Server, script: Script) -> None:
    (ask, answer), _ = script.asks
    wrong = dataclasses.replace(script, asks=((ask, answer.replace("42", "43")),))
    with pytest.raises(RuntimeError, match=r"this is no answer: .*\"n\":42"):
        run(generator, Plan("echo", 1, seconds=0.2), server, MICROSOCKETS, wrong)


def test_a_server_that_does_not_deliver_is_blocked(generator: Generator, server: Server, script: Script) -> None:
    # Nobody joins here, so that all wait for what is never sent to them.
    asks_instead = dataclasses.replace(script, joining=())
    plan = Plan("fanout", 2, seconds=0.2, limit=0.2)
    assert run(generator, plan, server, MICROSOCKETS, asks_instead).blocked


def test_the_command_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "prepare", lambda: None)
    absent: Contender = dataclasses.replace(by_name(["picows"])[0], packages=("no_such_package",))
    monkeypatch.setattr("benchmarks.__main__.CONTENDERS", (OURS, absent))
    path = tmp_path / "results.json"
    options = ["--rounds", "1", "--seconds", "0.1", "--only", "echo-50", "--json", str(path)]
    result = CliRunner().invoke(main, ["compare", *options], catch_exceptions=False)
    assert "picows by hand is left out, not installed: pip install no_such_package" in result.output
    assert "Echo, 50 connections, 4 in flight each" in result.output
    assert (load(path).value("microsockets", "echo-50") or 0) > 100
    written = CliRunner().invoke(main, ["report", str(path), "--to", str(tmp_path)], catch_exceptions=False)
    assert written.output.split() == [str(tmp_path / "tables.md"), str(tmp_path / "chart.svg")]
