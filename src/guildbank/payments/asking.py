"""Ask a provider, and take for certain only what it says: all else is `unknown`."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

import structlog

from guildbank.kernel import MAX_AMOUNT
from guildbank.ledger import is_money
from guildbank.plugin_api import Context, Manifest, NotConfirmed, Outcome, OutcomeStatus, Period
from guildbank.plugin_host import for_the_log

log = structlog.get_logger(__name__)
MAX_WORD = 255
T = TypeVar("T")


class Asked(Protocol):
    """Who is asked: a plugin's manifest, and the context in which it is called."""

    @property
    def manifest(self) -> Manifest:
        """Return what the plugin says of itself."""
        ...

    @property
    def context(self) -> Context:
        """Return the context, with secrets in clear among its settings."""
        ...


def fault_of(asked: Asked, error: Exception) -> str:
    """Return what a provider's plugin raised, without its secrets, for the log."""
    return for_the_log(error, asked.manifest, asked.context.settings)


def storable(text: str) -> bool:
    """Say whether a provider's word fits a column: short, and without U+0000."""
    return 0 < len(text) <= MAX_WORD and "\x00" not in text


def _is_money(manifest: Manifest, outcome: Outcome) -> bool:
    """Say whether there is an amount in a money; a store may have sold for nothing."""
    amount, money = outcome.amount_minor, outcome.currency
    if amount is None or money is None or not is_money(money):
        return False
    least = 0 if manifest.sold_by_store else 1
    return least <= amount <= MAX_AMOUNT and (amount == 0 or not outcome.is_test)


def _is_period(manifest: Manifest, period: Period | None) -> bool:
    """Say whether a period, if there is one, can be kept; stores alone sell subscriptions."""
    if period is None:
        return True
    times = (period.began_at, period.ends_at)
    texts = (period.subscription, *([] if period.product_id is None else [period.product_id]))
    dated = all(time.tzinfo is not None for time in times)
    return manifest.sold_by_store and dated and all(map(storable, texts))


async def ask_provider(asked: Asked, call: Awaitable[Outcome]) -> Outcome:
    """Return the outcome of a provider's call. Whatever it raises, a time-out too, is `unknown`.

    So is a `processed` without amount and currency: a success by accident is none.
    """
    return _sound(asked.manifest, await _answer(asked, call))


async def ask_confirmation(
    asked: Asked, call: Awaitable[Outcome | NotConfirmed]
) -> Outcome | NotConfirmed:
    """Return what a provider makes of a confirmation, its outcome as of any other call."""
    said = await _answer(asked, call)
    return said if isinstance(said, NotConfirmed) else _sound(asked.manifest, said)


async def _answer(asked: Asked, call: Awaitable[T]) -> T | Outcome:
    try:
        async with asyncio.timeout(asked.manifest.timeout_seconds):
            return await call
    except Exception as error:  # only the provider knows whether money moved
        log.warning("provider_failed", plugin=asked.manifest.id, error=fault_of(asked, error))
        return Outcome(
            status=OutcomeStatus.UNKNOWN,
            code="no_answer",
            message="The provider did not answer in a way that says what happened.",
        )


def _sound(manifest: Manifest, outcome: Outcome) -> Outcome:
    texts = (outcome.reference, outcome.code, outcome.conflict)
    sound = all(text is None or storable(text) for text in texts)
    if not sound or not _is_period(manifest, outcome.period):
        log.error("provider_malformed", plugin=manifest.id)
        return Outcome(status=OutcomeStatus.UNKNOWN, code="malformed")
    if outcome.status is OutcomeStatus.PROCESSED and not _is_money(manifest, outcome):
        log.error("provider_vague", plugin=manifest.id, reference=outcome.reference)
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=outcome.reference, code="no_amount")
    return outcome
