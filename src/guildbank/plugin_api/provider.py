"""The slot of payment providers: five outcomes, and nothing that looks like success by accident.

A call either returns an Outcome or raises. Whatever it raises, a time-out included, the core
takes for `unknown`: only the provider knows whether money moved, and it is asked again.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from guildbank.plugin_api.declines import Decline
from guildbank.plugin_api.history import History
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.period import Period


class OutcomeStatus(StrEnum):
    """What is certain after a call (the five outcomes of Kill Bill)."""

    PROCESSED = "processed"
    """Money moved; `amount_minor` and `currency` say how much, as the provider reports it."""
    PENDING = "pending"
    """Not finished: the player must act (`next_action`) or the provider is still at work."""
    DECLINED = "declined"
    """The provider said no. No money moved."""
    CANCELED = "canceled"
    """It certainly did not happen and will not."""
    UNKNOWN = "unknown"
    """Nobody here can say. Ask again with fetch, never send again."""


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """What the player must do.

    Open `url` (kind `redirect`), confirm with `client_secret`, or pay by what the `details` say,
    words to be shown under stable names (kind `bank_transfer`: `holder`, `iban`, `reference`).
    """

    kind: str
    url: str | None = None
    client_secret: str | None = None
    details: Mapping[str, str] | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a call, as the provider states it.

    `reference` is the provider's own id of the payment or refund, kept for every later call.
    `code` is the provider's error code, `message` a sentence without personal data. `decline` says
    in the words of all providers why a payment is `declined` or `canceled`; without it the first
    counts as `declined` and the second, with code `not_found`, as `never_arrived`. A payment
    that may be `pending` for more than a day has its end in `waits_until`, within 90 days. A
    `conflict` is a word for why the money of a `processed` payment is for something else than was
    asked for: it is booked, and credits nothing. `is_test` marks one that nobody paid for, whose
    amount is 0; only a provider that is `sold_by_store` may say so. So with `period`: what was
    bought is a period of a subscription. `approved` says of a `pending` payment that its player
    agreed and only our own call takes the money (`Captures`).
    """

    status: OutcomeStatus
    reference: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    next_action: NextAction | None = None
    code: str | None = None
    message: str | None = None
    decline: Decline | None = None
    waits_until: datetime | None = None
    conflict: str | None = None
    is_test: bool = False
    period: Period | None = None
    approved: bool = False


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin knows of the tenant on each call.

    `settings` are the validated settings with secrets in clear; `now` is the server's time;
    `webhook_url` is where the provider must deliver its events, the tenant named in it. `http`
    reaches the hosts of the manifest and, with `*` among them, those of the settings. `history`
    tells a gate what players bought of late; None where none is asked.
    """

    tenant: str
    mode: str
    settings: Mapping[str, Any]
    now: datetime
    webhook_url: str
    http: Http
    history: History | None = None


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays, for a provider that has to know.

    `subject` is the buyer's account with the provider, such as a Steam ID: what the game server
    named, else that of the account by which the player signs in. `address` is the network address
    that the purchase came from.
    """

    subject: str | None = None
    address: str | None = None


class OnFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment has to do with the methods that its provider keeps for a `customer`.

    `method` is the kept one that pays, while the player is there to confirm it. With `keep` the
    method that pays is to be kept: its player agreed to that. Names are the provider's own.
    """

    customer: str
    method: str | None = None
    keep: bool = False


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One try to take money.

    `attempt_id` is our reference at the provider and the root of `idempotency_key`; the same key
    always comes with the same request. `amount_minor` is in the currency's ISO 4217 minor units.
    `method` is the provider's own name of a payment method, or None for its default. `payer` is
    there for providers whose manifest has a `payer_issuer`, as far as it is known. `product_id` is
    what is sold, such as the id of a pack. `on_file` is for providers that keep methods
    (`SavesMethods`); one that names a method comes without `method`.
    """

    attempt_id: str
    idempotency_key: str
    amount_minor: int
    currency: str
    description: str
    player_id: str
    method: str | None = None
    return_url: str | None = None
    payer: Payer | None = None
    product_id: str | None = None
    on_file: OnFile | None = None


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Give back `amount_minor` of the captured payment `payment_reference`."""

    refund_id: str
    idempotency_key: str
    attempt_id: str
    payment_reference: str
    amount_minor: int
    currency: str
    reason: str | None = None


class DisputeStatus(StrEnum):
    """How a dispute stands at its provider."""

    PREVENTED = "prevented"
    EARLY_WARNING = "early_warning"
    """The buyer's bank asks: no money went yet, and an answer may keep it so."""
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class EventKind(StrEnum):
    """What a provider's webhook, or a line of its report, is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_UPDATED = "dispute_updated"
    """Its deadline, or whose turn it is, changed; the core asks a provider that can be asked."""
    DISPUTE_FUNDS_WITHDRAWN = "dispute_funds_withdrawn"
    DISPUTE_FUNDS_REINSTATED = "dispute_funds_reinstated"
    DISPUTE_CLOSED = "dispute_closed"
    DISPUTE_LOST = "dispute_lost"
    """Closed for the payer by one event: the money goes with it, if it did not go before."""
    DISPUTE_TAKEN_BACK = "dispute_taken_back"
    """What one event took is here again; of a dispute that took nothing it says nothing.

    What is lost under the same name after that is a further dispute.
    """
    USAGE_ASKED = "usage_asked"
    """The company asks how much of a purchase was used, to decide on a refund (`TellsUsage`)."""
    METHOD_CHANGED = "method_changed"
    """A kept method was detached or has other dates; the core asks about it (`SavesMethods`)."""
    SUBSCRIPTION = "subscription"
    """A subscription was canceled, expired or is otherwise as it was not (`Subscribes`)."""
    PAYOUT = "payout"
    """A payout was paid, failed or came back; the core asks about it (`PaysOut`)."""
    IGNORED = "ignored"


class ProviderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A verified webhook or a line of a report. A hint: the core fetches what it names.

    `external_id` is the provider's id of the event: the same id is handled once.
    `attempt_id` and `refund_id` are our references where the provider echoes them; else the
    core finds them by `payment_reference` and `refund_reference`; of an event about refunds that
    names none, each that was paid is asked about. For disputes the amount and
    `dispute_reference` are taken from the event; `won` is set when one is closed. `dispute_status`
    and `answer_by`, until when evidence is taken, are told where the event has them.
    `method_reference` is the provider's name of the kept method that has changed, `payout_id` and
    `payout_reference` are ours and the provider's name of a payout. `subscription_reference` is
    the store's name of the subscription that has changed, or of which a purchase went back.
    """

    external_id: str
    kind: EventKind
    attempt_id: str | None = None
    payment_reference: str | None = None
    refund_id: str | None = None
    refund_reference: str | None = None
    dispute_reference: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    reason: str | None = None
    won: bool | None = None
    dispute_status: DisputeStatus | None = None
    answer_by: datetime | None = None
    method_reference: str | None = None
    payout_id: str | None = None
    payout_reference: str | None = None
    subscription_reference: str | None = None


class WebhookRejected(msgspec.Struct, frozen=True, kw_only=True):
    """Why a webhook is not believed: `bad_signature`, `too_old`, `malformed`, `wrong_account`."""

    code: str
    detail: str


class PaymentProvider(Protocol):
    """A payment provider. Safe to share between calls and tenants: state lives in the context."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `provider`."""
        ...

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Start taking money. Called again with the same key it must not charge twice."""
        ...

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the payment stands, by the provider's reference or, without one, by ours.

        `canceled` with code `not_found` when the provider certainly never got it.
        """
        ...

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Stop a payment that is not captured; `processed` when it was captured first."""
        ...

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Give money back. Called again with the same key it must not pay twice."""
        ...

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say how a refund stands; `canceled` with code `not_found` when it never was."""
        ...

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Verify the raw bytes and read the event. Header names come in lower case.

        It may fetch what verifying takes, such as a certificate, but anyone can make it do so:
        look first at what costs nothing.
        """
        ...

    async def test_connection(self, context: Context) -> str:
        """Return a sentence that says which account answered; raise if none did."""
        ...
