"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples in every run, so that a failure is the change's; scripts/soak looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.register_profile("searching", derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
