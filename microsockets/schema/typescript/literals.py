"""JSON values as they are written in TypeScript."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, cast

_INVISIBLE: Final = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


def text(given: str) -> str:
    """A string in double quotes, or in single ones where that needs fewer escapes; what cannot be seen or stored in a
    file is escaped."""
    quoted = _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(given, ensure_ascii=False))
    if given.count('"') > given.count("'"):
        return "'" + quoted[1:-1].replace("'", "\\'").replace('\\"', '"') + "'"
    return quoted


def value(given: Any) -> str:
    """Any JSON, on one line."""
    if isinstance(given, str):
        return text(given)
    if isinstance(given, list):
        return f"[{', '.join(value(each) for each in cast('Sequence[Any]', given))}]"
    if isinstance(given, dict):
        entries = cast("dict[str, Any]", given).items()
        return f"{{ {', '.join(f'{text(name)}: {value(each)}' for name, each in entries)} }}" if entries else "{}"
    return json.dumps(given)
