"""checks.py: how closely an application looks at its own output."""

from __future__ import annotations

import pytest
from microsockets.checks import Checks


@pytest.mark.parametrize("strict", [True, False])
def test_errors_that_are_not_listed_are_recorded_only_where_a_test_asks(strict: bool) -> None:
    checks = Checks(strict)
    assert checks.strict is strict
    assert checks.undeclared is None
