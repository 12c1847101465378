"""Which rule asks for a second person, and how amounts add up over a day."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from guildbank.approvals.contracts import MAX_HOURS, MAX_RULES, Measured, Policy, Rule
from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.kernel.ids import epoch_ms

WINDOW = timedelta(hours=24)
_QUARTER_MS = 15 * 60 * 1000
Tally = tuple[tuple[int, int], ...]
"""Amounts by quarters of an hour, oldest first: a number of the quarter, and the sum in it."""


def rules_of(policy: Policy, verb: str, *, always: bool) -> Sequence[Rule]:
    """Return the rules that may ask for this verb; none where it runs at once."""
    if always:
        return (Rule(verb=verb),)
    return [rule for rule in policy.rules if rule.verb == verb]


def assets_of(rules: Sequence[Rule], measured: Measured) -> Sequence[str]:
    """Return the assets whose amounts must be added up for these rules."""
    named = {rule.asset for rule in rules if rule.above is not None}
    return [asset for asset in measured.amounts if asset in named or None in named]


def asking(
    rules: Sequence[Rule], measured: Measured, sums: Mapping[str, Sequence[int]]
) -> Rule | None:
    """Return the rule that asks for a second person, the one that asks always first.

    `sums` are by asset what the actor and the player moved in the window, without this command.
    """
    for rule in sorted(rules, key=lambda one: (one.above is not None, one.above or 0)):
        assets = [one for one in measured.amounts if rule.asset in (None, one)]
        if rule.above is None:
            if rule.asset is None or assets:
                return rule
            continue
        for asset in assets:
            moved = measured.amounts[asset]
            if any(before + moved > rule.above for before in sums.get(asset, (0,))):
                return rule
    return None


def sum_since(tally: Tally, now: datetime) -> int:
    """Return what was moved in the window before `now`, and up to a quarter of an hour more."""
    first = _quarter(now - WINDOW)
    return sum(amount for quarter, amount in tally if quarter >= first)


def add_to(tally: Tally, amount: int, at: datetime, now: datetime) -> Tally:
    """Return the tally with an amount more at a time, a negative one to take it back."""
    first = _quarter(now - WINDOW)
    slices = {quarter: sum_ for quarter, sum_ in tally if quarter >= first}
    if (quarter := _quarter(at)) >= first:
        slices[quarter] = max(0, slices.get(quarter, 0) + amount)
    return tuple(sorted((quarter, sum_) for quarter, sum_ in slices.items() if sum_))


def _quarter(at: datetime) -> int:
    return epoch_ms(at) // _QUARTER_MS


def check_policy(policy: Policy, known: Mapping[str, bool]) -> Refusal | None:
    """Return what is wrong with a policy.

    `known` are the verbs that can be under approval, and whether each moves amounts. Refusals:
    `out_of_range`, `invalid_value`.
    """
    if len(policy.rules) > MAX_RULES:
        return _wrong("out_of_range", f"A policy has at most {MAX_RULES} rules.", "rules")
    if not 1 <= policy.expires_after_hours <= MAX_HOURS:
        return _wrong("out_of_range", f"Between 1 and {MAX_HOURS} hours.", "expiresAfterHours")
    for number, rule in enumerate(policy.rules):
        at = f"rules.{number}"
        if rule.verb not in known:
            detail = f"{rule.verb} cannot be put under approval; see what can in GET."
            return _wrong("invalid_value", detail, f"{at}.verb")
        if not known[rule.verb] and (rule.asset or rule.above is not None):
            detail = f"{rule.verb} moves no amounts: leave asset and above out."
            return _wrong("invalid_value", detail, f"{at}.above")
        if rule.above is not None and not 0 <= rule.above <= MAX_AMOUNT:
            return _wrong("out_of_range", f"Between 0 and {MAX_AMOUNT}.", f"{at}.above")
        if rule in policy.rules[:number]:
            return _wrong("invalid_value", "The rule is given twice.", at)
    return None


def _wrong(code: str, detail: str, field: str) -> Refusal:
    return Refusal(code=code, detail=detail, field=field)
