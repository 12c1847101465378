"""What a switch may do at which company and where: all else would be a switch that does nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from guildbank_lab.paypal import words
from guildbank_lab.paypal.payouts import STATES, WRONG_AMOUNT
from guildbank_lab.stripe import declines
from guildbank_lab.switches import DELAY, NEVER_TOLD, ON_THE_WIRE, ON_WEBHOOKS, Company, Switch

WEBHOOK = "webhook"
LONGEST_DELAY_SECONDS, MOST_TIMES, LONGEST_SUBJECT = 300, 1_000_000, 200
_NONE: frozenset[str] = frozenset()
_OF_STEAM = frozenset(f"ERROR_{code}" for code in (*range(2, 17), *range(100, 107), 999))
"""Steam's codes (https://partner.steamgames.com/doc/webapi/ISteamMicroTxn), and one of nobody's."""
_OF_EVIDENCE = frozenset({
    "DISPUTE_EVIDENCE_PAGE_LIMIT_EXCEEDED", "PARAMETER_INVALID_EMPTY",
    "PARAMETER_INVALID_STRING_BLANK", "PARAMETER_INVALID_STRING_EMPTY", "PARAMETER_UNKNOWN",
})  # fmt: skip
_OF_TRANSFERS = frozenset({
    "ACCOUNT_INVALID", "AMOUNT_TOO_LARGE", "BALANCE_INSUFFICIENT",
    "INSUFFICIENT_CAPABILITIES_FOR_TRANSFER", "TRANSFERS_NOT_ALLOWED",
})  # fmt: skip
_NO_REPORT = "INVALID_REQUEST"
_TAMPERED = frozenset({"WRONG_AMOUNT", "WRONG_CURRENCY"})
_AT_STEAM = ("user", "create", "get", "refund", "report")

KNOWN: Mapping[Company, Mapping[str, frozenset[str]]] = {
    "stripe": {
        "create": declines.WORDS, "confirm": declines.WORDS, "arrive": declines.PARTNER_WORDS,
        "get": _NONE, "cancel": _NONE,
        "refund": frozenset({"PENDING", "FAILED"}), "evidence": _OF_EVIDENCE, "detach": _NONE,
        "payout": _OF_TRANSFERS, "report": _NONE, WEBHOOK: _NONE,
    },
    "paypal": {
        "token": _NONE, "create": words.OF_A_NEW_ORDER, "get": words.OF_A_LOOK,
        "patch": words.OF_A_CHANGE,
        "capture": words.OF_A_CAPTURE | words.WAITS_FOR | words.PROCESSORS | _TAMPERED
        | {"PENDING", "DECLINED", "FAILED", words.RISKY},
        "refund": words.OF_A_REFUND | {"PENDING", "FAILED"}, "report": frozenset({_NO_REPORT}),
        "payout": words.OF_A_PAYOUT | words.FAILS_BY | STATES | {WRONG_AMOUNT},
        WEBHOOK: _NONE,
    },
    "apple": {
        "get": frozenset({"STRANGER", "OTHER_BUNDLE", "OTHER_ENVIRONMENT", "XCODE"}),
        "report": _NONE, "token": _NONE, "patch": _NONE, WEBHOOK: frozenset({NEVER_TOLD}),
    },
    "google": {
        "get": frozenset({
            "PENDING", "OTHER_PRODUCT", "OTHER_ACCOUNT", "OTHER_PROFILE", "OTHER_TOKEN", "REAL",
        }),
        "capture": _NONE, "refund": frozenset({"PENDING"}), "report": _NONE, "token": _NONE,
        WEBHOOK: _NONE,
    },
    "steam": {
        **dict.fromkeys(_AT_STEAM, _OF_STEAM),
        "capture": _OF_STEAM | _TAMPERED | {"SALES_TAX", "VAT_INCLUDED"},
    },
}  # fmt: skip
"""By company and place, the words of its own; all know those of the lab besides."""


class Fault(NamedTuple):
    """What is wrong with a switch: the field, and a sentence."""

    field: str
    said: str


def fault_of(switch: Switch) -> Fault | None:
    """Return the first thing that is wrong with a switch, None where it can do its work."""
    if switch.company is not None and switch.company not in KNOWN:
        return Fault("company", f"The lab plays {', '.join(get_args(Company))}.")
    asked = [of for company, of in KNOWN.items() if switch.company in (None, company)]
    places = dict.fromkeys(at for one in asked for at in one)
    if switch.at not in places:
        return Fault("at", f"That is no place there. There are {', '.join(places)}.")
    if not any(switch.effect in known for known in _effects(asked, switch.at)):
        there = sorted(frozenset().union(*_effects(asked, switch.at)))
        return Fault(
            "effect", f"That does not happen at {switch.at}. There are {', '.join(there)}."
        )
    if switch.effect == DELAY and not 0 <= switch.seconds <= LONGEST_DELAY_SECONDS:
        return Fault("seconds", f"A delay has at most {LONGEST_DELAY_SECONDS} s.")
    if not 0 <= switch.times <= MOST_TIMES:
        return Fault("times", f"A switch works at most {MOST_TIMES} times, or with 0 always.")
    if not 0 < len(switch.subject) <= LONGEST_SUBJECT:
        return Fault("subject", "Name a payment, or * for whatever comes next.")
    return None


def _effects(asked: Sequence[Mapping[str, frozenset[str]]], at: str) -> Iterator[frozenset[str]]:
    """Yield what each company knows at a place."""
    of_all = ON_WEBHOOKS - {NEVER_TOLD} if at == WEBHOOK else _wire(at)
    return (of_all | places[at] for places in asked if at in places)


def _wire(at: str) -> frozenset[str]:
    # What is decided at a bank is no call of the shop's that could be lost.
    return _NONE if at in ("confirm", "arrive") else ON_THE_WIRE
