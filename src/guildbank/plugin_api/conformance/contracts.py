"""What a conformance run takes and returns."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.confirmation import Confirmer
from guildbank.plugin_api.provider import Context, Outcome, Payer, PaymentRequest


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of the contract and how it went.

    `name` is stable (`a_declined_payment_is_declined`). A check that lacked what it needs has
    `ran` False and has not passed; of one that means nothing for the plugin `applies` is False too,
    and `detail` says why. `detail` never holds a secret of the settings.
    """

    name: str
    passed: bool
    detail: str = ""
    ran: bool = True
    applies: bool = True


Signed = Mapping[str, str]
"""The headers of a signed webhook, by name."""

Confirming = Mapping[str, str]
"""What confirms a payment, by name."""


class Webhook(msgspec.Struct, frozen=True):
    """A webhook as it comes: its headers, whose names are in lower case, and its bytes."""

    headers: Signed
    body: bytes


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """How to bring a provider to each outcome in its test mode.

    `pays`, `declines` and `needs_action` are names for `PaymentRequest.method`: the first is paid
    at once, the second refused at once, the third left waiting for the player; None where the
    provider has no such method. Where nothing is paid without the player, `pays_by_action` is set:
    `pays` waits, `complete_action` does the player's part, and the look after it says processed.
    `refuse_action` does the player's part too, in a way that the payment is then refused for good.
    Where nothing is paid until somebody confirms it, `confirms` returns the data for a request,
    once it has done what comes before, such as the player's approval; `confirms_as` says whose word
    that is, where the manifest takes either's. `payer` pays. `stays_open` is
    set where a company has no call that ends a payment, and only the plugin's own takes its money:
    then a look after canceling may find it open. `reverse` lets the company give a payment back.
    `keeps_books` is false where there is nobody to be asked how a payment or refund stands.
    `product_id` is what is sold, for a provider that has to know.
    `found_by_attempt` is false where a provider cannot be asked by an id of ours.
    `pays_to` is where a provider that pays out pays at once, or `pending` where a person sends it;
    `pays_never` a destination that is read and then declined. `payouts_found_by_ours` is false
    where a payout is known by the provider's name alone, and is sent again to learn it.
    `subscribes` buys the first period of a subscription and returns what confirms it, `renews` lets
    the company renew what an outcome is a period of.
    `disputed` lets the buyer dispute what an outcome paid, and returns the dispute's reference.
    `amount_minor` is divided by three for partial refunds.
    `redirected` returns the settings with the provider's address replaced by the given URL, so
    that silence can be rehearsed. `sign` returns the headers of a webhook whose body is correctly
    signed. `webhook` returns one that is believed, as the company sends it at `context.now`; both
    sign at that moment and read no clock. Where no webhook can be too old, since the company sends
    none or signs no time, `no_old_webhooks` says why.
    `complete_action` does what the player must do and needs the outcome that asked.
    """

    pays: str
    declines: str | None = None
    needs_action: str | None = None
    pays_by_action: bool = False
    found_by_attempt: bool = True
    keeps_books: bool = True
    confirms: Callable[[Context, PaymentRequest], Confirming | Awaitable[Confirming]] | None = None
    confirms_as: Confirmer = "buyer"
    payer: Payer | None = None
    product_id: str | None = None
    stays_open: bool = False
    reverse: Callable[[Context, Outcome], Awaitable[None]] | None = None
    pays_to: Mapping[str, str] | None = None
    pays_never: Mapping[str, str] | None = None
    payouts_found_by_ours: bool = True
    subscribes: Callable[[Context, PaymentRequest], Awaitable[Confirming]] | None = None
    renews: Callable[[Context, Outcome], Awaitable[None]] | None = None
    disputed: Callable[[Context, Outcome], Awaitable[str]] | None = None
    amount_minor: int = 900
    currency: str = "EUR"
    redirected: Callable[[Mapping[str, Any], str], Mapping[str, Any]] | None = None
    sign: Callable[[Context, bytes], Signed | Awaitable[Signed]] | None = None
    webhook: Callable[[Context], Webhook | Awaitable[Webhook]] | None = None
    no_old_webhooks: str | None = None
    complete_action: Callable[[Context, Outcome], Awaitable[None]] | None = None
    refuse_action: Callable[[Context, Outcome], Awaitable[None]] | None = None


@runtime_checkable
class Rehearsable(Protocol):
    """A provider that knows its own rehearsal, so that `guildbank plugin test` needs no other."""

    def rehearsal(self) -> Rehearsal:
        """Return how to reach each outcome with the provider's public test methods."""
        ...


class NotRun(msgspec.Struct, frozen=True):
    """The check lacked what it needs; the sentence says what."""

    reason: str


class DoesNotApply(NotRun, frozen=True):
    """The check means nothing for this plugin; the sentence says why."""


Verdict = str | NotRun | None
"""What a check returns: None when the contract holds, else the sentence that says how not."""
