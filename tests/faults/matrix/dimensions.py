"""The dimensions of the matrix, and which of their combinations mean something.

A combination is a company, what happens there, and where our process dies. What a life passes is
written down here and held against what it passes where nobody dies; a cut that a life never reaches
means nothing, and neither does what a company cannot do. Each of these has its reason.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

PROVIDERS = (
    "sandbox", "sandbox behind a check", "Stripe card", "Stripe Checkout", "PayPal", "App Store",
    "Google Play", "Steam", "bank transfer", "voucher",
)  # fmt: skip
FATES = (
    "kept", "declined", "refunded", "refunded in part", "given back", "given back in part",
    "disputed",
)  # fmt: skip
"""What becomes of the money: `refunded` is by us, `given back` by the company without us."""
NEWS = ("twice", "reordered", "early", "forged", "unheard")
"""How webhooks come; `early` is before our own commit, `forged` after a stranger's."""
WIRE = ("delay", "silence", "lost")
"""How a call is answered; `silence` is that it was done, and `lost` that it was not.

`told` is the call by which the studio's own server hears of the credit.
"""
EFFECTS = (
    *FATES,
    *(f"kept, {news}" for news in NEWS),
    "kept, unconfirmed",
    *(f"refunded, {news}" for news in ("twice", "reordered", "early")),
    *(f"{fate}, {news}" for fate in ("given back", "disputed") for news in ("twice", "reordered")),
    *(f"kept, {how} at {place}" for place in ("create", "looked", "capture") for how in WIRE),
    *(f"kept, {how} at {place}" for place in ("finish", "told") for how in WIRE),
    *(f"refunded, {how} at refund" for how in WIRE),
    *(f"given back, {how} at looked" for how in WIRE),
)
COMMITS = (
    "created", "attempted", "noted", "captured", "finished", "clawed", "refund noted", "refunded",
    "refund reported", "dispute followed", "ended",
)  # fmt: skip
CALLS = ("create", "looked", "capture", "finish", "refund", "told")
NOWHERE = "nowhere"
CUTS = (
    NOWHERE,
    *(f"{when} {what}" for what in (*COMMITS, "heard") for when in ("before", "after")),
    *(f"{place} {when}" for place in CALLS for when in ("asked", "answered")),
)
"""Where our process dies: around each commit, a webhook's entry into the inbox, and each call."""

CARDS = ("sandbox", "sandbox behind a check", "Stripe card")
"""The first call takes the money."""
STORES = ("App Store", "Google Play")
BY_WORD = ("bank transfer", "voucher")
_KEPT: dict[str, set[str]] = {
    **{name: {"created", "create", "captured", "heard"} for name in CARDS},
    "Stripe Checkout": {"created", "create", "noted", "heard", "looked", "captured"},
    "PayPal": {"created", "create", "noted", "heard", "looked", "capture", "captured"},
    "App Store": {"created", "noted", "heard", "looked", "captured"},
    "Google Play": {
        "created", "noted", "heard", "looked", "captured", "finish", "finished",
    },
    "Steam": {"created", "create", "noted", "looked", "capture", "captured"},
    **{name: {"created", "noted", "captured"} for name in BY_WORD},
}  # fmt: skip
_SWITCHES: dict[str, tuple[str, ...]] = {
    "sandbox": ("create",),
    "sandbox behind a check": ("create",),
    "Stripe card": ("create", "refund", "looked"),
    "Stripe Checkout": ("create", "refund", "looked"),
    "PayPal": ("create", "capture", "refund", "looked"),
    "App Store": ("looked",),
    "Google Play": ("looked", "finish", "refund"),
    "Steam": ("create", "capture", "refund", "looked"),
    "bank transfer": (),
    "voucher": (),
}
ONLY_WHOLE = ("Google Play", "Steam")


class Case(NamedTuple):
    """One combination."""

    provider: str
    effect: str
    cut: str

    def __str__(self) -> str:
        return " | ".join(self)


def refuses_refund(provider: str, fate: str) -> bool:
    """Say whether the company pays no refund of this kind that we ask for."""
    return provider == "App Store" or (provider in ONLY_WHOLE and fate == "refunded in part")


def why_not(provider: str, effect: str) -> str | None:
    """Return why an effect means nothing at a company, None where it means something."""
    fate, _, trouble = effect.partition(", ")
    what, _, place = trouble.partition(" at ")
    by_itself = {
        "App Store": "a purchase is declined on the device, and nobody hears of it",
        "bank transfer": "a transfer comes or does not: nobody declines it",
        "voucher": "a wrong code is refused to its face, and changes nothing",
    }
    if fate == "declined" and provider in by_itself:
        return by_itself[provider]
    if provider in BY_WORD and fate in ("given back", "given back in part", "disputed"):
        return "money goes back there by nobody's doing but ours"
    if provider == "App Store" and fate == "disputed":
        return "Apple tells of no disputes: it refunds"
    if provider == "Google Play" and fate == "given back in part":
        return "Google voids whole purchases alone"
    if trouble in NEWS and provider in (*BY_WORD, "Steam"):
        return "it sends no webhooks"
    if trouble == "unconfirmed" and provider not in (*STORES, "Steam"):
        return "no game's client has anything to confirm, or nobody else could tell"
    if effect == "kept, reordered" and provider in (*CARDS, *STORES):
        return "one event alone has no order"
    if fate == "refunded" and trouble and provider == "App Store":
        return "Apple is not asked for a refund, and so tells nothing of one"
    if place and place not in (*_SWITCHES[provider], "told"):
        return "its lab has no switch there, or there is no such call"
    if effect == f"kept, {what} at looked" and provider in CARDS:
        return "a payment that is answered at once is not looked at"
    return None


def stages(provider: str, effect: str) -> frozenset[str]:
    """Return the commits and calls that a life passes where nobody dies."""
    fate, _, trouble = effect.partition(", ")
    passed = {*_KEPT[provider], "told"}
    if provider == "sandbox behind a check":
        passed.add("attempted")
    if fate == "declined" or (provider, trouble) == ("Steam", "unconfirmed"):
        passed -= {"captured", "finish", "finished", "told"}
        passed |= {"noted", "looked", "ended"}
        if provider != "PayPal":
            # PayPal alone declines what we capture; elsewhere there is nothing to be captured.
            passed.discard("capture")
    if fate.startswith("refunded"):
        passed |= _refund_stages(provider, fate)
    if fate.startswith("given back") or (fate == "disputed" and provider == "Google Play"):
        passed |= {"refund reported", "looked"}
    elif fate == "disputed":
        passed |= {"dispute followed"} | ({"looked"} if "Stripe" in provider else set())
    return frozenset(_in_trouble(provider, fate, trouble, passed))


def _refund_stages(provider: str, fate: str) -> set[str]:
    if refuses_refund(provider, fate):
        return {"clawed", "refund noted"}
    if provider in BY_WORD:
        return {"clawed", "refund noted", "refunded"}
    told = {"looked"} if provider in CARDS else set[str]()
    return {"clawed", "refund", "refunded"} | told


def _in_trouble(provider: str, fate: str, trouble: str, passed: set[str]) -> set[str]:
    what, _, place = trouble.partition(" at ")
    if trouble == "unheard":
        return passed - {"heard"}
    if trouble == "early":
        # Another process books it first.
        if provider in (*CARDS, "PayPal"):
            passed -= {"captured", "refunded"}
        if provider in CARDS:
            passed -= {"heard"} | ({"looked"} if provider != "Stripe card" else set())
        if provider == "Stripe Checkout":
            passed -= {"refunded"}
    if what in ("silence", "lost") and place == "create" and provider in CARDS:
        passed |= {"looked", "noted"}
    if (what, place) == ("lost", "create") or (provider, trouble) == (
        "PayPal",
        "silence at create",
    ):
        # The player tries once more; PayPal's order of the first try is known to nobody.
        passed |= {"attempted"}
    if what in ("silence", "lost") and place == "refund":
        passed |= {"refund noted"}
    return passed


def point_of(cut: str) -> str | None:
    """Return the stage that a cut is at."""
    if cut == NOWHERE:
        return None
    first, _, rest = cut.partition(" ")
    return rest if first in ("before", "after") else cut.rpartition(" ")[0]


def why_no_cut(provider: str, effect: str, cut: str) -> str | None:
    """Return why a cut means nothing in a life, None where it means something."""
    point = point_of(cut)
    if point is None or point in stages(provider, effect):
        return None
    if point == "attempted":
        return "the attempt is made in one commit with its payment"
    return "the life does not pass there"


def all_cases() -> Iterator[Case]:
    """Return every combination that means something."""
    for provider in PROVIDERS:
        for effect in EFFECTS:
            if why_not(provider, effect) is None:
                for cut in CUTS:
                    if why_no_cut(provider, effect, cut) is None:
                        yield Case(provider, effect, cut)


def sample(cases: list[Case], seed: int, number: int) -> list[Case]:
    """Return so many cases, each company, effect and cut among them at least once."""
    dice = random.Random(seed)
    shuffled = dice.sample(cases, len(cases))
    left = {*PROVIDERS, *EFFECTS, *CUTS}
    chosen = []
    for least in (3, 2, 1):
        for case in shuffled:
            if len(left & set(case)) >= least:
                chosen.append(case)
                left -= set(case)
    some = [case for case in shuffled if case not in chosen]
    return chosen + some[: max(0, number - len(chosen))]
