"""Keep what a buyer hands in until an operator has looked at it, and show it to that operator."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import handed, store
from guildbank.payments.contracts.refusals import (
    HANDED_IN_BEFORE,
    NO_PAYMENT,
    NOT_AWAITED,
    NOTHING_HANDED_IN,
)
from guildbank.payments.contracts.rows import HANDED_IN_READ, Attempt, AttemptState, Intent
from guildbank.payments.usecases import Payments

PART = 500
_WORDS = msgspec.json.Decoder(dict[str, str])


class Shown(NamedTuple):
    """What was handed in, as an operator sees it."""

    attempt_id: str
    at: datetime
    data: Mapping[str, str]


async def hand_in(
    payments: Payments,
    tenant: TenantRef,
    of: tuple[Intent, Attempt],
    data: Mapping[str, str],
) -> Refusal | None:
    """Keep the data under the player's key; the same again changes nothing.

    Refusal: `payment_not_confirmable` where other data are kept, or nobody is left whose they are.
    """
    intent, attempt = of
    payload = msgspec.json.encode(data, order="deterministic")
    sealed = await payments.persons.seal(tenant, intent.player_id, payload)
    if isinstance(sealed, Refusal):
        return NOT_AWAITED
    async with payments.db.begin(tenant.schema) as tx:
        now = payments.clock.now()
        kept = await handed.add(tx.driver, intent.id, attempt.id, now, sealed.ciphertext)
    opened = await payments.persons.reveal(tenant, intent.player_id, kept.sealed)
    return None if opened == payload else HANDED_IN_BEFORE


async def read_handed_in(
    payments: Payments, tenant: TenantRef, principal: str, payment_id: str
) -> Shown | Refusal:
    """Return what waits for an operator, and record who read it. Refusal: `not_found`."""
    if parse_id("pay", payment_id) is None:
        return NO_PAYMENT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
        if intent is None:
            return NO_PAYMENT
        attempt = await store.attempt_by_id(tx.driver, intent.attempt_id or "")
        kept = await handed.handed_in(tx.driver, intent.attempt_id or "")
    if kept is None or attempt is None or attempt.state is not AttemptState.PENDING:
        return NOTHING_HANDED_IN
    opened = await payments.persons.reveal(tenant, intent.player_id, kept.sealed)
    if opened is None:
        return NOTHING_HANDED_IN
    recorder = await payments.recorder(tenant)
    async with payments.db.begin(tenant.schema) as tx:
        told = {"payment": payment_id, "attempt": attempt.id}
        await recorder.record(tx, principal, HANDED_IN_READ, told)
    return Shown(kept.attempt_id, kept.at, _WORDS.decode(opened))


async def forget_handed_in(payments: Payments, tenant: TenantRef) -> int:
    """Delete what was decided on; return how much that was."""
    forgotten = 0
    while True:
        async with payments.db.begin(tenant.schema) as tx:
            some = await handed.forget(tx.driver, PART)
        forgotten += some
        if some < PART:
            return forgotten
