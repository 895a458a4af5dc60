"""The Autobahn test suite, groups 1 to 7 and 10, which `kosoku` runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.apps import Echo
from tests.server.conftest import Serve
from tests.server.serving import LOOPS, OUR_STACKS, THEIRS, Stack

GROUPS = ["1", "2", "3", "4", "5", "6", "7", "10"]
CASES = 247

UNSTRICT = frozenset({"3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"})
"""Cases that send a valid message and then, in the same breath, something invalid. Whether the message is answered
before the connection is failed is the application's race, and no fault."""

UNDEFINED = frozenset({"7.1.6", "7.13.1", "7.13.2"})
"""Cases whose outcome RFC 6455 leaves open. They only have to end."""

KOSOKU = Path(sys.executable).with_name("kosoku")


@pytest.fixture(params=[*(Stack(loop, THEIRS[-1]) for loop in LOOPS), *OUR_STACKS], ids=str)
def stack(request: pytest.FixtureRequest) -> Stack:
    chosen: Stack = request.param
    return chosen


def run_cases(url: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Case to its verdicts, on the exchange and on the close."""
    selection = [argument for group in GROUPS for argument in ("--include", f"{group}.*")]
    done = subprocess.run(
        [KOSOKU, "--parallelism", "8", "--outdir", folder, *selection, url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
    )
    index = folder / "index.json"
    assert index.exists(), done.stderr
    agents: dict[str, dict[str, Any]] = json.loads(index.read_text())
    return {
        case: (entry["behavior"], entry["behaviorClose"]) for cases in agents.values() for case, entry in cases.items()
    }


def passes(case: str, verdicts: tuple[str, str]) -> bool:
    if case in UNDEFINED:
        return verdicts in {("OK", "OK"), ("INFORMATIONAL", "INFORMATIONAL")}
    return verdicts == ("OK", "OK") or (case in UNSTRICT and verdicts == ("NON-STRICT", "OK"))


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_every_case_passes(serve: Serve, tmp_path: Path, deflate: bool) -> None:
    host = serve(ws_per_message_deflate=deflate)
    address, port = host.address

    results = run_cases(f"ws://{address}:{port}{host.mount(Echo())}", tmp_path)

    failed = {case: verdicts for case, verdicts in results.items() if not passes(case, verdicts)}
    assert failed == {}
    assert len(results) == CASES
