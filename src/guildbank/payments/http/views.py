"""What clients see of payments: money as decimal strings, coins as integers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from guildbank.infra.http import Money, View, write_money
from guildbank.kernel import seq_id
from guildbank.payments.charged import charges_of, price_of
from guildbank.payments.contracts.rows import (
    Applied,
    Attempt,
    AttemptState,
    Dispute,
    DisputeState,
    Dossier,
    Intent,
    IntentState,
    Refund,
    RefundState,
)
from guildbank.payments.declines import row_of, told_to_player
from guildbank.payments.http.charge_views import ChargeView, charge_view
from guildbank.payments.rules import ENDED_INTENTS, LIVE_ATTEMPTS
from guildbank.payments.usecases.money import read_taking
from guildbank.pipelines import Because
from guildbank.plugin_api import NextAction

_ACTIONS = msgspec.json.Decoder(NextAction)
_NO = "declined"
_ADVICE = {
    IntentState.UNKNOWN: "The provider did not answer. Read this payment again; do not pay twice.",
    IntentState.PROCESSING: "The provider is at work. Ask again for this payment.",
    IntentState.CONFLICTED: "Another amount or currency came than asked: no coins were credited. "
    "The money is on its way back, or waits for an operator to send it.",
    IntentState.CREATED: "The provider is being asked. Ask again for this payment.",
}


class NextActionView(View):
    """What the player must do: open `url`, confirm with `clientSecret`, or pay by the `details`."""

    __example__: ClassVar = {
        "kind": "redirect",
        "url": "https://pay.example/checkout/7",
        "clientSecret": None,
        "details": None,
    }

    kind: str
    url: str | None = None
    client_secret: str | None = None
    details: Mapping[str, str] | None = None


class RefundView(View):
    """Money given back, and the coins that it took; of those spent before, what became of them.

    `taxes` and `fees` are what of the amount was that.
    """

    __example__: ClassVar = {
        "id": "ref_01kag3pyqmf9aag12vtrsy70ps",
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "attemptId": "att_01kag3pyqmf9aag12vtrsy70ps",
        "state": "succeeded",
        "origin": "merchant",
        "amount": {"amount": "2.00", "currency": "EUR"},
        "coins": 40,
        "bonusCoins": 4,
        "owedCoins": 0,
        "writtenOffCoins": 0,
        "taxes": {"amount": "0.32", "currency": "EUR"},
        "fees": {"amount": "0.00", "currency": "EUR"},
        "reason": "bought too many",
        "code": None,
    }

    id: str
    payment_id: str
    attempt_id: str
    state: RefundState
    origin: str
    amount: Money
    coins: int
    bonus_coins: int
    owed_coins: int
    written_off_coins: int
    taxes: Money
    fees: Money
    reason: str | None
    code: str | None
    created_at: datetime


class DisputeView(View):
    """A dispute; `withdrawn` says whether the money is gone, `reinstated` whether it is back.

    `answerBy` is until when its provider takes the seller's evidence, as far as it says so.
    """

    __example__: ClassVar = {
        "id": "dis_01kag3pyqmf9aag12vtrsy70ps",
        "state": "needs_response",
        "reinstated": False,
        "reason": "fraudulent",
        "answerBy": "2026-12-04T23:59:59Z",
    }

    id: str
    state: DisputeState
    amount: Money
    withdrawn: bool
    reinstated: bool
    reason: str | None
    answer_by: datetime | None
    created_at: datetime


class BecauseView(View):
    """Why an attempt went to its provider. `passedOver` could not be used then."""

    __example__: ClassVar = {"by": "fallback", "route": "europe", "after": "never_arrived"}

    by: str
    route: str | None = None
    after: str | None = None
    passed_over: Sequence[str] = ()


class AttemptView(View):
    """One try with one provider. `applied` says whether captured money bought the coins.

    `methodId` is the saved method that it was charged to.
    `because` says why it went there: `by` the `buyer`, who named it, or since it is the `only`
    one, or by a `route`, or as its `fallback` after a decline.
    """

    __example__: ClassVar = {
        "id": "att_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "sandbox",
        "state": "captured",
        "applied": "credited",
        "reference": "spay_01kag3pyqmf9aag12vtrsy70ps",
        "code": None,
        "because": {"by": "route", "route": "europe"},
    }

    id: str
    provider: str
    state: AttemptState
    applied: Applied | None
    reference: str | None
    code: str | None
    because: BecauseView
    method_id: str | None = None


class PaymentLine(View):
    """A payment in a list."""

    __example__: ClassVar = {
        "id": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "state": "credited",
        "provider": "sandbox",
        "coins": 100,
        "bonusCoins": 10,
    }

    id: str
    state: IntentState
    player_id: str
    pack_id: str
    pack_version: int
    provider: str
    amount: Money
    currency: str
    coins: int
    bonus_coins: int
    created_at: datetime


class PaymentView(PaymentLine):
    """A payment as it stands. `amount` is what is asked of the player in all: the `price`, and what
    `charges` add to it. `transactionId` is set once its coins are credited.

    `problem` says in one vocabulary for all providers why no money moved; `problemDetail` says it
    to the player, or what a check of the pipeline that refused it says. A player's own token reads
    `declined` where fraud is suspected, and as `code` of every attempt that was declined.

    It runs through `revision` of the pipeline of its `purpose` until then.
    """

    __example__: ClassVar = {
        "purpose": "packs",
        "revision": 3,
        "price": {"amount": "4.99", "currency": "EUR"},
        "nextAction": None,
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "problem": None,
        "problemDetail": None,
        "advice": None,
        "refunded": None,
        "refunds": [],
        "disputes": [],
    }

    expires_at: datetime
    purpose: str
    revision: int
    price: Money
    charges: Sequence[ChargeView] = ()
    next_action: NextActionView | None = None
    transaction_id: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    advice: str | None = None
    refunded: Money | None = None
    attempts: Sequence[AttemptView] = ()
    refunds: Sequence[RefundView] = ()
    disputes: Sequence[DisputeView] = ()


def payment_line(intent: Intent) -> PaymentLine:
    """Return a payment for a list."""
    return PaymentLine(
        id=intent.id,
        state=intent.state,
        player_id=intent.player_id,
        pack_id=intent.product_id,
        pack_version=intent.product_version,
        provider=intent.provider,
        amount=write_money(intent.amount_minor, intent.money),
        currency=intent.currency,
        coins=intent.coins,
        bonus_coins=intent.bonus,
        created_at=intent.created_at,
    )


def payment_view(dossier: Dossier, *, to_player: bool) -> PaymentView:
    """Return a payment with all that belongs to it.

    A player gets the sentence and no provider's word: who tests stolen cards would read in it
    which of them a bank took for stolen.
    """
    intent, attempts, refunds, disputes = dossier
    credited = None
    if intent.credited_seq is not None and intent.credited_at is not None:
        credited = seq_id("txn", intent.credited_seq, intent.credited_at)
    current = next((one for one in attempts if one.id == intent.attempt_id), None)
    back = current.refunded_minor if current is not None else 0
    row = row_of(intent.problem)
    return PaymentView(
        id=intent.id,
        state=intent.state,
        player_id=intent.player_id,
        pack_id=intent.product_id,
        pack_version=intent.product_version,
        provider=intent.provider,
        amount=write_money(intent.amount_minor, intent.money),
        currency=intent.currency,
        coins=intent.coins,
        bonus_coins=intent.bonus,
        created_at=intent.created_at,
        expires_at=intent.expires_at,
        purpose=intent.purpose,
        revision=intent.revision,
        price=write_money(price_of(intent), intent.money),
        charges=[charge_view(one, intent.money) for one in charges_of(intent)],
        next_action=_next_action(dossier),
        transaction_id=credited,
        problem=told_to_player(intent.problem) if to_player else intent.problem,
        problem_detail=intent.problem_detail or (None if row is None else row.told),
        advice=_ADVICE.get(intent.state),
        refunded=write_money(back, current.captured_money or intent.money)
        if current is not None and back
        else None,
        attempts=[
            AttemptView(
                id=one.id,
                provider=one.provider,
                state=one.state,
                applied=one.applied,
                reference=one.reference,
                code=_NO if to_player and one.state is AttemptState.DECLINED else one.code,
                because=_because(one),
                method_id=one.method_id,
            )
            for one in attempts
        ],
        refunds=[refund_view(one) for one in refunds],
        disputes=[dispute_view(one) for one in disputes],
    )


def _because(attempt: Attempt) -> BecauseView:
    found = msgspec.json.decode(attempt.because, type=Because)
    return BecauseView(
        by=found.by, route=found.route, after=found.after, passed_over=found.passed_over
    )


def _next_action(dossier: Dossier) -> NextActionView | None:
    for one in dossier.attempts:
        current = one.id == dossier.intent.attempt_id and one.state in LIVE_ATTEMPTS
        if current and one.action is not None:
            action = _ACTIONS.decode(one.action)
            return NextActionView(
                kind=action.kind,
                url=action.url,
                client_secret=action.client_secret,
                details=action.details,
            )
    return None


def refund_view(refund: Refund) -> RefundView:
    """Return a refund; one that failed holds no coins any more."""
    taking = read_taking(refund.taking)
    return RefundView(
        id=refund.id,
        payment_id=refund.payment_id,
        attempt_id=refund.attempt_id,
        state=refund.state,
        origin=refund.origin,
        amount=write_money(refund.amount_minor, refund.money),
        coins=taking.paid,
        bonus_coins=taking.bonus,
        owed_coins=taking.owed,
        written_off_coins=taking.written_off,
        taxes=write_money(taking.taxes, refund.money),
        fees=write_money(taking.fees, refund.money),
        reason=refund.reason,
        code=refund.code,
        created_at=refund.created_at,
    )


def dispute_view(dispute: Dispute) -> DisputeView:
    """Return a dispute."""
    return DisputeView(
        id=dispute.id,
        state=dispute.state,
        amount=write_money(dispute.amount_minor, dispute.money),
        withdrawn=dispute.withdrawn,
        reinstated=dispute.reinstated,
        reason=dispute.reason,
        answer_by=dispute.answer_by,
        created_at=dispute.created_at,
    )


def status_of(dossier: Dossier) -> int:
    """Return 202 for a payment whose provider has not said yet, else 201."""
    waits = dossier.intent.state in _ADVICE and dossier.intent.state not in ENDED_INTENTS
    return 202 if waits else 201
