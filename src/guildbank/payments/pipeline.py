"""The stages of a purchase, as typed slots: entry, middleware, provider, coins, callbacks.

The order is fixed for now. The core's stage is not a plugin and cannot be taken out: it is the
act that credits. After money is captured nothing vetoes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.ledger import is_money
from guildbank.plugin_api import (
    Annotated,
    Context,
    Manifest,
    Outcome,
    OutcomeStatus,
    PurchaseView,
    Veto,
)
from guildbank.plugin_host import Plugins

log = structlog.get_logger(__name__)
T = TypeVar("T")
MAX_ANNOTATIONS = 20
MAX_WORD = 255


async def admit(
    plugins: Plugins, context_of: Callable[[Manifest], Context], purchase: PurchaseView
) -> dict[str, str] | Refusal:
    """Run the entry stage: whether the purchase may begin. Nothing is stored yet."""
    return await _gate([(one.manifest, one.admit) for one in plugins.entries], context_of, purchase)


async def before_provider(
    plugins: Plugins, context_of: Callable[[Manifest], Context], purchase: PurchaseView
) -> dict[str, str] | Refusal:
    """Run the middleware stage: the last word before a provider is asked for money."""
    return await _gate(
        [(one.manifest, one.before_provider) for one in plugins.middleware], context_of, purchase
    )


Gate = Callable[[Context, PurchaseView], Awaitable[Annotated | Veto]]


async def _gate(
    gates: list[tuple[Manifest, Gate]],
    context_of: Callable[[Manifest], Context],
    purchase: PurchaseView,
) -> dict[str, str] | Refusal:
    """Ask each gate in order. One that fails or is late refuses, unless it declares otherwise."""
    notes: dict[str, str] = dict(purchase.annotations)
    for manifest, ask in gates:
        view = _with(purchase, notes)
        try:
            async with asyncio.timeout(manifest.timeout_seconds):
                answer = await ask(context_of(manifest), view)
        except Exception as error:  # a gate that cannot answer refuses
            log.warning("gate_failed", plugin=manifest.id, error=repr(error))
            if not manifest.fail_closed:
                continue
            return Refusal(
                code="gate_unavailable",
                detail=f"The check {manifest.id} did not answer, so the purchase is refused.",
            )
        if isinstance(answer, Veto):
            return Refusal(
                code="purchase_vetoed",
                detail=answer.detail[:500],
                extra={"veto": answer.code[:64], "plugin": manifest.id},
            )
        for name, value in answer.annotations.items():
            if len(notes) < MAX_ANNOTATIONS:
                notes[f"{manifest.id}.{name}"[:64]] = value[:500]
    return notes


def _with(purchase: PurchaseView, notes: Mapping[str, str]) -> PurchaseView:
    return PurchaseView(
        payment_id=purchase.payment_id,
        player_id=purchase.player_id,
        purpose=purchase.purpose,
        provider=purchase.provider,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        country=purchase.country,
        annotations=dict(notes),
    )


def storable(text: str) -> bool:
    """Say whether a provider's word fits a column: short, and without U+0000."""
    return 0 < len(text) <= MAX_WORD and "\x00" not in text


def _is_money(outcome: Outcome) -> bool:
    amount, money = outcome.amount_minor, outcome.currency
    return money is not None and is_money(money) and 0 < (amount or 0) <= MAX_AMOUNT


async def ask_provider(manifest: Manifest, call: Awaitable[Outcome]) -> Outcome:
    """Return the outcome of a provider's call. Whatever it raises, a time-out too, is `unknown`.

    So is a `processed` without amount and currency: a success by accident is none.
    """
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            outcome = await call
    except Exception as error:  # only the provider knows whether money moved
        log.warning("provider_failed", plugin=manifest.id, error=repr(error))
        return Outcome(
            status=OutcomeStatus.UNKNOWN,
            code="no_answer",
            message="The provider did not answer in a way that says what happened.",
        )
    texts = (outcome.reference, outcome.code)
    if any(text is not None and not storable(text) for text in texts):
        log.error("provider_malformed", plugin=manifest.id)
        return Outcome(status=OutcomeStatus.UNKNOWN, code="malformed")
    if outcome.status is OutcomeStatus.PROCESSED and not _is_money(outcome):
        log.error("provider_vague", plugin=manifest.id, reference=outcome.reference)
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=outcome.reference, code="no_amount")
    return outcome
