"""Request a payout: hooks are asked, coins and money are one commit, and then it is sent."""

from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from guildbank.identity import CREDENTIAL_CHANGES, PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts, known_keys
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.ledger import close_book, open_book
from guildbank.notify import OUTGOING, SealedMail
from guildbank.payments import payouts as shelf
from guildbank.payments.contracts.payouts import (
    MAX_OPEN_PAYOUTS,
    PAYOUT_REQUESTED,
    DestinationState,
    Payout,
    PayoutCommand,
    PayoutState,
    PayoutTerms,
    StoredDestination,
)
from guildbank.payments.contracts.refusals_payouts import (
    NO_PAYOUT,
    NOT_WITHDRAWABLE,
    TOO_MANY_PAYOUTS,
    UNKNOWN_DESTINATION,
)
from guildbank.payments.payouts import DESTINATIONS, OPEN_PAYOUTS_OF, PAYOUTS, TERMS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.open_money import open_accounts
from guildbank.payments.usecases.payouts.coins import (
    aged_needs,
    money_needs,
    set_aside,
    take_coins,
)
from guildbank.payments.usecases.payouts.letters import letter_of_request
from guildbank.payments.usecases.payouts.send import send_payout
from guildbank.payments.usecases.used_account import account_needs, use_account
from guildbank.payments.withdrawing import is_reviewed, must_wait, worth
from guildbank.pipelines import Heard, ask_hooks, hooks_now
from guildbank.plugin_api import MoveView, PayoutRequest
from guildbank.wallets import purse_of, wallet_needs

PURPOSE: Final = "payout"
"""The verb whose hooks are asked."""


class Asked(NamedTuple):
    """Who asks under which key, when, and how long a change cools off, in hours."""

    principal: str
    key: str
    now: datetime
    cooloff_hours: int


class RequestPayout(Act):
    """Take the coins and keep the payout, or nothing. A `mail` tells the player."""

    verb = "payments.payout"
    rounds = 3
    __slots__ = ("asked", "command", "heard", "mail", "payout_id")

    def __init__(
        self,
        asked: Asked,
        command: PayoutCommand,
        heard: Heard | None = None,
        mail: SealedMail | None = None,
    ) -> None:
        super().__init__(asked.principal, asked.key, command)
        self.asked = asked
        self.command = command
        self.heard = heard
        self.mail = mail
        self.payout_id = new_id("pyo")

    def needs(self, stage: Stage) -> list[Need]:
        """Return the terms and who asks, then coins with their age, and accounts of the money."""
        one = self.command
        needs: list[Need] = [
            (PLAYERS, one.player_id),
            (CREDENTIAL_CHANGES, one.player_id),
            (DESTINATIONS, one.destination_id),
            (OPEN_PAYOUTS_OF, one.player_id),
            (TERMS, one.currency),
            (PAYOUTS, self.payout_id),
            *wallet_needs((one.player_id, one.currency)),
        ]
        if not stage.loaded(TERMS, one.currency):
            return needs
        terms = stage.get(TERMS, one.currency)
        place = stage.get(DESTINATIONS, one.destination_id)
        if terms is not None and place is not None:
            needs += aged_needs(one.player_id, terms, self.asked.now)
            needs += money_needs(terms.money, place.provider)
            needs.append(account_needs(place.provider))
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Take the coins. Refusals: `unknown_player`, `player_suspended`, `player_closed`,
        `not_withdrawable`, `unknown_payout_destination`, `payout_cooling_off`,
        `too_many_payouts`, `payout_out_of_bounds`, `payout_not_whole`, `debt_outstanding`,
        `insufficient_funds`, `coins_too_young`, `account_frozen`, `unknown_provider`.
        """
        one = self.command
        allowed = self._allowed(stage)
        if isinstance(allowed, Refusal):
            return allowed
        terms, place = allowed
        amount = worth(terms, one.coins)
        if isinstance(amount, Refusal):
            return amount
        purse = purse_of(stage, (one.player_id, one.currency))
        if purse is None:
            return NOT_WITHDRAWABLE
        book = open_book(stage)
        taken = take_coins(stage, book, one.player_id, purse, terms, one.coins, self.asked.now)
        if isinstance(taken, Refusal):
            return taken
        refusal = set_aside(book, terms.money, amount)
        # Sent by the credentials of then, which from now on are of the same merchant.
        refusal = refusal or use_account(stage, place.provider, None)
        if refusal is not None:
            return refusal
        close_book(stage, book)
        waits = is_reviewed(terms, amount)
        payout = Payout(
            id=self.payout_id, player_id=one.player_id,
            state=PayoutState.WAITING if waits else PayoutState.REQUESTED,
            currency=one.currency, coins=one.coins, money=terms.money, amount_minor=amount,
            provider=place.provider, destination_id=place.id, destination=place.sealed,
            request=self._request(terms, amount), taken_seq=stage.seq,
            taken=msgspec.json.encode(taken).decode(), reference=None, code=None,
            revision=None if self.heard is None else self.heard.revision,
            answers="[]" if self.heard is None
            else msgspec.json.encode(self.heard.answers).decode(),
            by=self.principal, decided_by=None, sealed_reason=None, created_at=stage.now,
            changed_at=stage.now, sent_at=None, paid_at=None, state_version=place.state_version,
        )  # fmt: skip
        stage.put(PAYOUTS, payout.id, payout)
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)
        known = stage.get(OPEN_PAYOUTS_OF, one.player_id) or ()
        stage.put(OPEN_PAYOUTS_OF, one.player_id, (*known, payout))
        buckets = [(part.bucket, part.amount) for part in taken]
        return Draft(PAYOUT_REQUESTED, facts({**payout_facts(payout), "taken": buckets}))

    def _allowed(self, stage: Stage) -> tuple[PayoutTerms, StoredDestination] | Refusal:
        one, asked = self.command, self.asked
        player = stage.get(PLAYERS, one.player_id)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        terms = stage.get(TERMS, one.currency)
        if terms is None or not terms.is_open:
            return NOT_WITHDRAWABLE
        place = stage.get(DESTINATIONS, one.destination_id)
        mine = place is not None and place.player_id == one.player_id
        if place is None or not mine or place.state is not DestinationState.OPEN:
            return UNKNOWN_DESTINATION
        changed = stage.get(CREDENTIAL_CHANGES, one.player_id)
        waits = must_wait(asked.now, asked.cooloff_hours, place.created_at, changed)
        if waits is not None:
            return waits
        if len(stage.get(OPEN_PAYOUTS_OF, one.player_id) or ()) >= MAX_OPEN_PAYOUTS:
            return TOO_MANY_PAYOUTS
        return terms, place

    def _request(self, terms: PayoutTerms, amount: int) -> str:
        request = PayoutRequest(
            payout_id=self.payout_id,
            idempotency_key=f"{self.payout_id}:pay:1",
            amount_minor=amount,
            currency=terms.money,
            player_id=self.command.player_id,
        )
        return msgspec.json.encode(request).decode()


def payout_facts(payout: Payout) -> dict[str, object]:
    """Return what entries say of a payout; where it goes stays outside the chain."""
    return {
        "payout": payout.id,
        "player": payout.player_id,
        "currency": payout.currency,
        "coins": payout.coins,
        "money": payout.money,
        "amount": payout.amount_minor,
        "provider": payout.provider,
        "destination": payout.destination_id,
        "state": payout.state,
    }


async def request_payout(
    payments: Payments, tenant: TenantRef, principal: str, key: str, command: PayoutCommand
) -> Payout | Refusal:
    """Pay coins of a player out. The same key answers with the same payout.

    Refusals: those of RequestPayout, of hooks `operation_vetoed`, `gate_unavailable` and
    `pipeline_unavailable`, and `key_reused`, `tenant_suspended`. Raises Unavailable.
    """
    if parse_id("player", command.player_id) is None:
        return UNKNOWN_PLAYER
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        terms = await shelf.terms_of(tx.driver, command.currency)
    if terms is not None:
        await open_accounts(payments, tenant, terms.money)
    settings = await payments.tenants.settings(tenant.id)
    if settings is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    asked = Asked(principal, key, payments.clock.now(), settings.payout_cooloff_hours)
    act = RequestPayout(asked, command)
    # Whoever repeats a request is answered as before, whatever hooks say by now.
    known = await known_keys(payments.db, tenant.schema, [act])
    if act.key_hash not in known:
        heard = await _pass_hooks(payments, tenant, asked, command)
        if heard is not None and heard.refusal is not None:
            known = await known_keys(payments.db, tenant.schema, [act])
            if act.key_hash not in known:
                return heard.refusal
        mail = await letter_of_request(payments, tenant, command)
        act = RequestPayout(asked, command, heard, mail)
    outcome = await payments.journal.submit(tenant.schema, act)
    return outcome if isinstance(outcome, Refusal) else await finish(payments, tenant, outcome)


async def _pass_hooks(
    payments: Payments, tenant: TenantRef, asked: Asked, command: PayoutCommand
) -> Heard | None:
    """Return what the hooks of payouts say; None where there are none."""
    pipeline = (await hooks_now(payments.pipelines, tenant)).get(PURPOSE)
    if pipeline is None:
        return None
    view = MoveView(
        verb=PURPOSE,
        by=asked.principal,
        players=(command.player_id,),
        amounts={command.currency: command.coins},
        reference=asked.key,
        currency=command.currency,
        amount_minor=command.coins,
    )
    return (await ask_hooks(payments.pipelines, tenant, pipeline, [view]))[0]


async def finish(payments: Payments, tenant: TenantRef, receipt: Receipt) -> Payout | Refusal:
    """Send the payout that an entry cleared, if it is to be sent, and return it as it stands."""
    payout_id = msgspec.json.decode(receipt.data)["payout"]
    await payments.wait(payments.start(send_payout(payments, tenant, payout_id)))
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await shelf.payout_by_id(tx.driver, payout_id) or NO_PAYOUT
