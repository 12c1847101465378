"""What a provider may do besides its slot: take somebody's word that a payment or refund was paid.

For money that moves where no machine tells of it: an operator reads the bank's statement, a buyer
types a code. The core hands over what they give, outside of any transaction, and books what the
provider makes of it by the same act as all other outcomes.
"""

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context, Outcome, PaymentRequest, RefundRequest

Confirmer: TypeAlias = Literal["buyer", "operator"]
"""Who gives it. Whose word a provider takes its manifest says in `confirmed_by`; `either` leaves it
to the provider, which looks at `by`."""


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What was given for an attempt: `request` is what was asked for, `reference` the provider's.

    `data` is small: at most 20 words, under names such as `transaction`, each of at most 200
    characters, or 16,000 where a provider is `sold_by_store`: a store may have signed it.
    """

    request: PaymentRequest
    reference: str | None
    data: Mapping[str, str]
    by: Confirmer


class NotConfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """What was given confirms nothing: nothing happened, and the payment waits on.

    `code` is a word such as `wrong_code`, `detail` a sentence that says what to do, without the
    data in it; `field` names the item of the data that is wrong.
    """

    code: str
    detail: str
    field: str | None = None


@runtime_checkable
class Confirms(Protocol):
    """Takes a confirmation of a payment, by whom `confirmed_by` of its manifest names."""

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Say what the data prove of the payment.

        `processed` has as `reference` the transaction that paid: it pays for one attempt only, so
        it must be the same for the same money. Amount and currency are what came, and when they
        are not what was asked for the core credits nothing. Called again with the same data it
        answers alike. An operator's is judged before a second person agreed to it: it must have no
        effect anywhere.

        A provider that is confirmed by `either` may answer a buyer's data with `pending`: then
        they are kept for an operator, who looks at them and confirms the payment, or rejects it
        with data that the provider answers with `declined`.
        """
        ...


@runtime_checkable
class ConfirmsRefunds(Protocol):
    """Takes an operator's word on a refund that it left `pending`."""

    async def confirm_refund(
        self, context: Context, request: RefundRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Say what the data prove of the refund: `processed`, or `canceled` when nothing was sent.

        `processed` has the transaction as its `reference`, and exactly the amount that was asked
        for. It must have no effect anywhere.
        """
        ...
