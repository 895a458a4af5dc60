"""What can change in a contract, and whom it breaks."""

from __future__ import annotations

from typing import Final, NamedTuple


class Effect(NamedTuple):
    """What a change means for the clients that are out there."""

    breaking: bool
    what: str
    """The end of a sentence about the place. `{old}` and `{new}` are what was and what is there."""


class Rule(NamedTuple):
    """One kind of change, where clients send and where the server sends. None where it cannot be."""

    taken: Effect | None
    sent: Effect | None


def _breaks(what: str) -> Effect:
    return Effect(True, what)


def _safe(what: str) -> Effect:
    return Effect(False, what)


_REFUSED: Final = ": clients that send others are refused"
_UNEXPECTED: Final = ": clients do not expect that"

RULES: Final[dict[str, Rule]] = {
    # Namespaces
    "namespace-added": Rule(_safe("is new"), None),
    "namespace-removed": Rule(_breaks("is gone: clients that open it are refused"), None),
    "namespace-shadows": Rule(_breaks("is new and takes over connections that {old} had"), None),
    "namespace-renamed": Rule(_safe("was called {old} and is {new} now, which only generated types show"), None),
    "path-renamed": Rule(_safe("was {old}: clients open the same URLs"), None),
    "path-name-taken": Rule(_breaks("has {new} in its path now: clients that give it elsewhere are refused"), None),
    "params-removed": Rule(_safe("are not read any more"), None),
    # Events
    "event-added": Rule(_safe("is new"), _safe("is new: clients that do not know it ignore it")),
    "event-removed": Rule(
        _breaks("is gone: clients that send it get an error"), _breaks("is gone: clients that wait for it wait forever")
    ),
    "ask-added": Rule(None, _breaks("is new: clients are asked what they cannot answer")),
    "ask-removed": Rule(None, _safe("is not asked any more")),
    "payload-required": Rule(_breaks("is required now: clients that send none are refused"), None),
    "payload-optional": Rule(_safe("may be left out now"), None),
    "payload-added": Rule(_safe("is new and may be left out"), _breaks("is new: clients were told that there is none")),
    "payload-removed": Rule(_safe("is not read any more"), _breaks("is gone: clients that read it find nothing")),
    "answer-to-stream": Rule(None, _breaks("is a stream now: clients wait for one answer")),
    "stream-to-answer": Rule(None, _breaks("is one answer now: clients wait for a stream")),
    "error-added": Rule(None, _breaks("is new: clients that handle each code do not know it")),
    "error-removed": Rule(None, _safe("is not answered any more")),
    "details-added": Rule(None, _safe("are new: clients that do not know them ignore them")),
    "details-removed": Rule(None, _breaks("are gone: clients that read them find nothing")),
    # Fields
    "field-added": Rule(_safe("is new and may be left out"), _safe("is new: clients that do not know it ignore it")),
    "field-removed": Rule(_safe("is not read any more"), _breaks("is gone: clients that read it find nothing")),
    "field-required": Rule(
        _breaks("is required now: clients that do not send it are refused"), _safe("is always there now")
    ),
    "field-optional": Rule(_safe("may be left out now"), _breaks("may be missing now" + _UNEXPECTED)),
    "field-refused": Rule(_breaks("is gone and unknown fields are refused: clients that send it are refused"), None),
    "field-unexpected": Rule(None, _breaks("is new, and clients were told that there are no others")),
    "others-refused": Rule(
        _breaks("has to be without unknown fields now: clients that send any are refused"),
        _safe("has no other fields any more"),
    ),
    "others-accepted": Rule(
        _safe("may have other fields now"),
        _breaks("may have other fields now, and clients were told that there are none"),
    ),
    "default-changed": Rule(_safe("means {new} when it is left out, {old} before"), None),
    # Types
    "type-changed": Rule(
        _breaks("was {old} and has to be {new} now: clients are refused"),
        _breaks("was {old} and is {new} now" + _UNEXPECTED),
    ),
    "type-widened": Rule(
        _safe("was {old} and may be {new} now"), _breaks("was {old} and may be {new} now" + _UNEXPECTED)
    ),
    "type-narrowed": Rule(
        _breaks("was {old} and has to be {new} now" + _REFUSED), _safe("was {old} and is always {new} now")
    ),
    "null-added": Rule(_safe("may be null now"), _breaks("may be null now" + _UNEXPECTED)),
    "null-removed": Rule(
        _breaks("must not be null any more: clients that send null are refused"), _safe("is never null now")
    ),
    "member-added": Rule(_safe("may be {new}, too"), _breaks("may be {new} now, too: clients do not know that")),
    "member-removed": Rule(
        _breaks("must not be {old} any more: clients that send it are refused"),
        _safe("is not described as {old} any more"),
    ),
    "described-anew": Rule(
        _safe("is described as {new} and not as {old}, which takes in all that was"),
        _safe("is described as {new} and not as {old}, which was always possible"),
    ),
    "value-added": Rule(_safe("may be {new}, too"), _breaks("may be {new} now, too: clients do not know that value")),
    "value-removed": Rule(
        _breaks("must not be {old} any more: clients that send it are refused"), _safe("is never {old} now")
    ),
    "values-opened": Rule(
        _safe("was {old} and may be {new} now"), _breaks("was {old} and may be {new} now" + _UNEXPECTED)
    ),
    "values-closed": Rule(
        _breaks("was {old} and has to be {new} now" + _REFUSED), _safe("was {old} and is always {new} now")
    ),
    # Constraints
    "bounds-tightened": Rule(
        _breaks("has to be {new} now ({old} before)" + _REFUSED), _safe("is {new} now ({old} before)")
    ),
    "bounds-loosened": Rule(
        _safe("may be {new} now ({old} before)"), _breaks("may be {new} now ({old} before)" + _UNEXPECTED)
    ),
    "multiple-tightened": Rule(
        _breaks("has to be a multiple of {new} now ({old} before)" + _REFUSED),
        _safe("is a multiple of {new} now ({old} before)"),
    ),
    "multiple-loosened": Rule(
        _safe("may be any multiple of {new} now ({old} before)"),
        _breaks("may be any multiple of {new} now ({old} before)" + _UNEXPECTED),
    ),
    "multiple-changed": Rule(
        _breaks("has to be a multiple of {new} now and not of {old}" + _REFUSED),
        _breaks("is a multiple of {new} now and not of {old}" + _UNEXPECTED),
    ),
    "pattern-added": Rule(_breaks("has to match {new} now" + _REFUSED), _safe("always matches {new} now")),
    "pattern-removed": Rule(
        _safe("need not match {old} any more"), _breaks("need not match {old} any more" + _UNEXPECTED)
    ),
    "pattern-changed": Rule(
        _breaks("has to match {new} and not {old}; whether clients are refused cannot be told"),
        _breaks("matches {new} and not {old}; whether clients expect that cannot be told"),
    ),
    "format-tightened": Rule(
        _breaks("has to be {new} now ({old} before)" + _REFUSED), _safe("is {new} now ({old} before)")
    ),
    "format-loosened": Rule(
        _safe("may be {new} now ({old} before)"), _breaks("may be {new} now ({old} before)" + _UNEXPECTED)
    ),
    "format-changed": Rule(
        _breaks("has to be {new} and not {old} now: clients are refused"),
        _breaks("is {new} and not {old} now" + _UNEXPECTED),
    ),
    "unique-added": Rule(
        _breaks("must not have the same item twice now: clients that send one twice break that"),
        _safe("never has the same item twice now"),
    ),
    "unique-removed": Rule(
        _safe("may have the same item twice now"), _breaks("may have the same item twice now" + _UNEXPECTED)
    ),
    "keys-tightened": Rule(_breaks("may not have all keys any more" + _REFUSED), _safe("has only certain keys now")),
    "keys-loosened": Rule(_safe("may have any keys now"), _breaks("may have any keys now" + _UNEXPECTED)),
    "keys-changed": Rule(
        _breaks("has other rules for its keys; whether clients are refused cannot be told"),
        _breaks("has other rules for its keys; whether clients expect them cannot be told"),
    ),
    "condition-added": Rule(
        _breaks("has a new condition ({new}); whether clients are refused cannot be told"),
        _safe("has a new condition ({new})"),
    ),
    "condition-removed": Rule(
        _safe("has a condition less ({old})"),
        _breaks("has a condition less ({old}); whether clients expect that cannot be told"),
    ),
    "undecided": Rule(
        _breaks("is described in another way ({new}); whether clients are refused cannot be told"),
        _breaks("is described in another way ({new}); whether clients expect it cannot be told"),
    ),
}
"""By identifiers that stay the same. A change that narrows what is allowed breaks those who send, one that widens it
those who receive; what cannot be told breaks both."""


def effect(rule: str, *, sent: bool) -> Effect:
    """What a rule means where the server sends, or else where clients do."""
    found = RULES[rule].sent if sent else RULES[rule].taken
    assert found is not None, rule
    return found
