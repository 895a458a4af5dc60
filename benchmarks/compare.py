"""All servers under all loads, in rounds. In each round everybody has a turn, and everybody is first once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from microsockets import __version__

from .contenders import Contender
from .load import Generator, find_generator
from .machine import SHARED, Bystanders, facts, prepare
from .results import Result, Results, Server
from .workloads import Workload


def compare(contenders: Sequence[Contender], workloads: Sequence[Workload], rounds: int, seconds: float) -> Results:
    """Measures. What cannot take part is in `left_out`, and a measurement that fails is a result that says why."""
    prepare()
    bystanders = Bystanders()
    generator = find_generator()
    left_out = {each.label: why for each in contenders if (why := each.missing()) is not None}
    present = [each for each in contenders if each.label not in left_out]
    results: list[Result] = []
    for number in range(rounds):
        for workload in workloads:
            for place in range(len(present)):
                contender = present[(place + number) % len(present)]
                _say(f"round {number + 1}/{rounds}: {workload.title}: {contender.label}")
                results.append(_measure(generator, contender, workload, number, seconds))
    _say("")
    return Results(
        machine={**facts(), "load generator": generator.what, "microsockets": __version__},
        options={"rounds": rounds, "seconds": seconds, "shared core": SHARED, "used by others": bystanders.share()},
        servers=[Server(each.name, each.label, each.ours, each.versions()) for each in present],
        left_out=left_out,
        results=results,
    )


def _measure(generator: Generator, contender: Contender, workload: Workload, number: int, seconds: float) -> Result:
    try:
        measured = workload.measure(generator, contender, seconds)
    except RuntimeError as error:
        return Result(contender.name, workload.name, number, None, failed=str(error))
    return Result(contender.name, workload.name, number, measured.value, measured.figures)


def _say(what: str) -> None:
    """On one line of the terminal; a log gets nothing."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
