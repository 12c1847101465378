"""Payments and payouts as the record of dry runs: the room of pipelines asks for it by its port."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from guildbank.identity import AgeConfirmation, age_of
from guildbank.infra.tenant import TenantRef
from guildbank.payments import past
from guildbank.payments import payouts as payout_shelf
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.contracts.sale import Goods
from guildbank.payments.posting import movements_of
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.attempt import purchase_view
from guildbank.payments.usecases.choose_provider import usable_providers
from guildbank.pipelines import Answer, Because, PostingLine, Recorded, RecordedMove
from guildbank.plugin_api import MoveVerb, MoveView

NO_REFERENCE = "the Idempotency-Key is not in the record: hooks saw an empty reference"
_ANSWERS = msgspec.json.Decoder(tuple[Answer, ...])


class PaymentRecord:
    """`guildbank.pipelines.Record` over the payments of this room."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def payments(self, tenant: TenantRef, purpose: str, limit: int) -> Sequence[Recorded]:
        """Return the newest payments of a purpose, without those that are under way."""
        async with self._payments.db.begin(tenant.schema, read_only=True) as tx:
            intents = await past.newest_of(tx.driver, purpose, limit)
            ids = [one.id for one in intents]
            attempts = await past.attempts_of_all(tx.driver, ids)
            checks = await past.checks_of_all(tx.driver, ids)
            players = {one.player_id for one in intents}
            ages = {player: await age_of(tx.driver, player) for player in players}
        return [
            _recorded(
                one, attempts.get(one.id, []), checks.get(one.id, ""), ages.get(one.player_id)
            )
            for one in intents
        ]

    async def usable(self, tenant: TenantRef, currency: str) -> Sequence[str]:
        """Return the providers that take the currency now."""
        return await usable_providers(self._payments, tenant, currency)

    def postings(self, payment: Recorded, provider: str) -> Sequence[PostingLine]:
        """Return what is posted when the provider captures the price."""
        view = payment.view
        goods = Goods(currency=view.game_currency, coins=view.coins, bonus=view.bonus)
        total = (view.currency, view.amount_minor)
        return [
            PostingLine(
                f"{one.debit.owner}/{one.debit.bucket}",
                f"{one.credit.owner}/{one.credit.bucket}",
                one.credit.asset,
                one.amount,
            )
            for one in movements_of(view.player_id, total, provider, goods, view.charges)
        ]


class PayoutRecord:
    """`guildbank.pipelines.MoveRecord` over the payouts of this room."""

    verbs: ClassVar[Sequence[MoveVerb]] = ("payout",)

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def moves(self, tenant: TenantRef, verb: MoveVerb, limit: int) -> Sequence[RecordedMove]:
        """Return the newest payouts, the newest first."""
        async with self._payments.db.begin(tenant.schema, read_only=True) as tx:
            every = payout_shelf.PayoutFilter()
            found = await payout_shelf.payout_page(tx.driver, every, None, limit)
        return [
            RecordedMove(
                id=one.id,
                view=MoveView(
                    verb=verb,
                    by=one.by,
                    players=(one.player_id,),
                    amounts={one.currency: one.coins},
                    currency=one.currency,
                    amount_minor=one.coins,
                ),
                at=one.created_at,
                answers=_ANSWERS.decode(one.answers),
                revision=one.revision,
                missing=(NO_REFERENCE,),
            )
            for one in found
        ]


def _recorded(
    intent: Intent, attempts: Sequence[Attempt], answers: str, age: AgeConfirmation | None
) -> Recorded:
    # What the buyer wanted, and what routes said, is known of the first attempt.
    first = attempts[0] if attempts else None
    because = intent.because if first is None else first.because
    provider = intent.provider if first is None else first.provider
    confirmed_at = None if age is None or age.at > intent.created_at else age.at
    view = purchase_view(intent, intent, provider, intent.id)
    return Recorded(
        view=msgspec.structs.replace(view, age_confirmed_at=confirmed_at),
        at=intent.created_at,
        revision=intent.revision,
        because=msgspec.json.decode(because, type=Because),
        asked=tuple(one.provider for one in attempts),
        answers=_ANSWERS.decode(answers) if answers else (),
        outcome=intent.state.value,
        problem=intent.problem,
        credited=intent.credited_seq is not None,
    )
