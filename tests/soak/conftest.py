"""Collects the long tests only where `scripts/soak` asks for them."""

from __future__ import annotations

import os

collect_ignore_glob = [] if "MICROSOCKETS_SOAK" in os.environ else ["test_*.py"]
