"""JSON Schemas that say no more than TypeScript can."""

from __future__ import annotations

from typing import Any, Final

from microsockets.schema.walk import Schema, rewrite

_CONSTRAINTS: Final = (
    *("format", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("uniqueItems", "minProperties", "maxProperties"),
)


def loosened(schema: Any, *, is_closed: bool) -> Any:
    """What has the right types; `is_closed` also refuses what is not declared, as TypeScript does of literals."""

    def loosen(each: Schema) -> Schema:
        kept = {keyword: value for keyword, value in each.items() if keyword not in _CONSTRAINTS}
        if kept.get("type") == "integer":
            kept["type"] = "number"
        if "oneOf" in kept:
            kept["anyOf"] = kept.pop("oneOf")
        if "prefixItems" not in kept:
            kept.pop("minItems", None)
            if kept.get("maxItems"):
                del kept["maxItems"]
        if "patternProperties" in kept:
            kept["additionalProperties"] = {"anyOf": list(kept.pop("patternProperties").values())}
        names = kept.get("propertyNames")
        if names is not None and not (is_closed and {"enum", "const", "$ref"} & names.keys()):
            del kept["propertyNames"]
        if "properties" in kept and kept.get("additionalProperties", False) is False:
            # Of an object without properties, others are refused wherever it stands.
            kept["additionalProperties"] = not (is_closed or not kept["properties"])
        if kept.get("properties") and isinstance(kept.get("additionalProperties"), dict) and not is_closed:
            # An index signature says of the others only what it can say of the declared ones, too.
            kept["additionalProperties"] = True
        return kept

    return rewrite(schema, loosen)
