"""The set for every check: the provider, its context, and the requests that are tried on it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api.capturing import CAPTURE
from guildbank.plugin_api.confirmation import Confirmation, Confirmer, NotConfirmed
from guildbank.plugin_api.conformance.contracts import Rehearsal, Verdict
from guildbank.plugin_api.conformance.witness import Witness
from guildbank.plugin_api.manifest import Manifest, Slot
from guildbank.plugin_api.provider import (
    Context,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    RefundRequest,
)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given."""

    provider: Witness
    context: Context
    rehearsal: Rehearsal

    slot = Slot.PROVIDER

    @property
    def manifest(self) -> Manifest:
        """The provider's manifest."""
        return self.provider.manifest

    @property
    def plugin(self) -> object:
        """The provider itself, for what its witness does not pass on."""
        return self.provider.plugin

    @property
    def heard(self) -> list[str]:
        """What the provider said in words."""
        return self.provider.heard

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    @property
    def later(self) -> Context:
        """Return the context an hour on, when nothing sent now can still be on its way."""
        return msgspec.structs.replace(self.context, now=self.context.now + timedelta(hours=1))

    def payment(self, method: str) -> PaymentRequest:
        """Return a fresh request to pay by this method."""
        attempt_id = new_id("att")
        return PaymentRequest(
            attempt_id=attempt_id,
            idempotency_key=f"{attempt_id}:create:1",
            amount_minor=self.rehearsal.amount_minor,
            currency=self.rehearsal.currency,
            description="Conformance check",
            player_id=new_id("player"),
            method=method,
            payer=self.rehearsal.payer,
            product_id=self.rehearsal.product_id,
        )

    async def pay(self, request: PaymentRequest) -> Outcome:
        """Bring a payment about: at once, or by doing what the player has to do."""
        outcome = await self.provider.create_payment(self.context, request)
        if self.rehearsal.confirms is not None and outcome.status is OutcomeStatus.PENDING:
            data = await self.confirming(request)
            said = await self.confirm(request, outcome.reference, data)
            return outcome if isinstance(said, NotConfirmed) else said
        complete = self.rehearsal.complete_action
        if not self.rehearsal.pays_by_action or complete is None:
            return outcome
        if outcome.status is not OutcomeStatus.PENDING:
            return outcome
        await complete(self.context, outcome)
        return await self.look(request, outcome.reference)

    async def look(self, request: PaymentRequest, reference: str | None) -> Outcome:
        """Look at a payment, and take its money where that is for the core to do."""
        found = await self.provider.fetch_payment(self.context, request.attempt_id, reference)
        return await self.capture(request, found)

    async def capture(self, request: PaymentRequest, outcome: Outcome) -> Outcome:
        """Take the money of what is approved, as the core does once nobody vetoes it."""
        approved = outcome.status is OutcomeStatus.PENDING and outcome.approved
        if not approved or CAPTURE not in self.manifest.capabilities:
            return outcome
        return await self.provider.capture_payment(
            self.context, request.attempt_id, outcome.reference
        )

    async def confirming(self, request: PaymentRequest) -> Mapping[str, str]:
        """Return the data that confirm a payment, for a rehearsal that has some."""
        assert self.rehearsal.confirms is not None, "its rehearsal confirms"
        data = self.rehearsal.confirms(self.context, request)
        return await data if isinstance(data, Awaitable) else data

    async def confirm(
        self, request: PaymentRequest, reference: str | None, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Hand over data as whoever the manifest names, or else the rehearsal."""
        return await self._confirmed(self.given(request, reference, data))

    def given(
        self, request: PaymentRequest, reference: str | None, data: Mapping[str, str]
    ) -> Confirmation:
        """Return data as those of whoever the manifest names, or else the rehearsal."""
        named = self.manifest.confirmed_by
        by = named if named is not None and named != "either" else self.rehearsal.confirms_as
        return Confirmation(request=request, reference=reference, data=data, by=by)

    async def confirm_as(
        self,
        by: Confirmer,
        request: PaymentRequest,
        reference: str | None,
        data: Mapping[str, str],
    ) -> Outcome | NotConfirmed:
        """Hand over data as this one."""
        given = Confirmation(request=request, reference=reference, data=data, by=by)
        return await self._confirmed(given)

    async def _confirmed(self, given: Confirmation) -> Outcome | NotConfirmed:
        said = await self.provider.confirm(self.context, given)
        return said if isinstance(said, NotConfirmed) else await self.capture(given.request, said)

    def part_of(self, amount_minor: int) -> int:
        """Return a third of an amount, or all of it where a provider refunds nothing less."""
        in_part = "partial_refund" in self.manifest.capabilities
        return amount_minor // 3 if in_part else amount_minor

    def refund(
        self, payment: PaymentRequest, reference: str | None, amount_minor: int
    ) -> RefundRequest:
        """Return a fresh request to give back a part of a payment."""
        refund_id = new_id("ref")
        return RefundRequest(
            refund_id=refund_id,
            idempotency_key=f"{refund_id}:refund:1",
            attempt_id=payment.attempt_id,
            payment_reference=reference or "",
            amount_minor=amount_minor,
            currency=payment.currency,
        )


CheckFunction = Callable[[Stage], Awaitable[Verdict]]


def fault_in_money(outcome: Outcome, amount_minor: int, currency: str) -> str | None:
    """Say what keeps this outcome from being a sound `processed` one of this amount."""
    if outcome.status is not OutcomeStatus.PROCESSED:
        return f"expected processed, got {outcome!r}"
    if not outcome.reference:
        return "processed without the provider's reference"
    if (outcome.amount_minor, outcome.currency) != (amount_minor, currency):
        return (
            f"asked for {amount_minor} {currency}, "
            f"the outcome says {outcome.amount_minor} {outcome.currency}"
        )
    return None
