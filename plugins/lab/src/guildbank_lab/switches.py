"""Switches: what goes wrong, with which payment, at which call, how often."""

from collections.abc import Collection
from typing import Literal

import msgspec

MOST_SWITCHES = 1_000
EVERY_PAYMENT = "*"
Place = Literal[
    "token", "user", "create", "get", "capture", "patch", "refund", "report", "webhook", "cancel",
    "evidence", "detach", "payout", "confirm", "arrive",
]  # fmt: skip
Company = Literal["stripe", "paypal", "apple", "google", "steam"]
SILENCE, LOST, DELAY = "silence", "lost", "delay"
ERROR_BEFORE, ERROR_AFTER = "error_before", "error_after"
DUPLICATE, REORDERED, FORGED, UNSENT = "duplicate", "reordered", "forged", "unsent"
NEVER_TOLD = "never_told"
ON_THE_WIRE = frozenset({SILENCE, LOST, DELAY, ERROR_BEFORE, ERROR_AFTER})
"""Effects that any call may have; what else a switch names is a word of the company's own."""
ON_WEBHOOKS = frozenset({DUPLICATE, REORDERED, FORGED, UNSENT, NEVER_TOLD})


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong.

    `subject` is a payment by the merchant's reference or the company's, or `*` for whatever comes
    next. At `webhook` the effects are `duplicate`, `reordered`, `forged`, `unsent`, and in Apple's
    store `never_told`: not in its history either. At a call they are `silence` (done, and no
    answer), `lost` (not done, and no answer), `error_before`, `error_after` (500, done or not),
    `delay` by `seconds`, or the company's own word for a refusal
    or a state. `times` is how often, 0 for always. A `company` keeps it from the others.
    """

    subject: str
    at: str
    effect: str
    times: int = 1
    seconds: float = 1.0
    company: str | None = None


class TooManySwitches(ValueError):
    """Switches are kept until they have done their work, up to a number."""


class Switchboard:
    """All switches, the oldest first."""

    def __init__(self) -> None:
        self._set: list[tuple[Switch, int]] = []

    def turn(self, switch: Switch) -> None:
        """Add a switch. Raises TooManySwitches."""
        if len(self._set) >= MOST_SWITCHES:
            raise TooManySwitches(f"there are {MOST_SWITCHES} switches already")
        self._set.append((switch, switch.times))

    @property
    def turned(self) -> tuple[Switch, ...]:
        """The switches that have work to do, the oldest first."""
        return tuple(switch for switch, _ in self._set)

    def clear(self) -> None:
        """Let everything go well again."""
        self._set.clear()

    def take(
        self, company: Company, at: Place, *subjects: str, knows: Collection[str] = ()
    ) -> Switch | None:
        """Return the first switch for one of these subjects, and count it as used.

        A switch stays for who can do as it says: `knows` are the company's own words there.
        """
        for index, (switch, left) in enumerate(self._set):
            for_it = switch.at == at and switch.company in (None, company)
            can = switch.effect in ON_THE_WIRE | ON_WEBHOOKS or switch.effect in knows
            if for_it and can and switch.subject in (EVERY_PAYMENT, *subjects):
                if left == 1:
                    del self._set[index]
                elif left:
                    self._set[index] = switch, left - 1
                return switch
        return None
