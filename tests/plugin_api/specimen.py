"""A provider in memory that honours the whole contract, for faults to be bred into."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from guildbank.plugin_api import (
    Context,
    EventKind,
    Manifest,
    NextAction,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    Slot,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import Rehearsal, Webhook

TOLERANCE_SECONDS = 300
NOT_FOUND = Outcome(status=OutcomeStatus.CANCELED, code="not_found")
MANIFEST = Manifest(
    id="specimen",
    version="1.0.0",
    slot=Slot.PROVIDER,
    title="Specimen",
    capabilities=frozenset({"refund", "partial_refund", "cancel"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["secret"],
        "properties": {"secret": {"type": "string"}, "address": {"type": "string"}},
    },
    secret_fields=frozenset({"secret"}),
    timeout_seconds=1,
)


class StrangeAnswer(Exception):
    """The provider answered, and not as it does."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code}")
        self.answer = answer


class Specimen:
    """Does what the contract says, and nothing that looks like success by accident."""

    def __init__(self) -> None:
        self.payments: dict[str, Outcome] = {}
        self.refunds: dict[str, tuple[RefundRequest, Outcome]] = {}

    @property
    def manifest(self) -> Manifest:
        return MANIFEST

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        await self.travel(context)
        return self.payments.setdefault(request.attempt_id, self.pay(request))

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        await self.travel(context)
        return self.payments.get(attempt_id, NOT_FOUND)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await self.fetch_payment(context, attempt_id, reference)
        if found.status is OutcomeStatus.PENDING:
            found = Outcome(status=OutcomeStatus.CANCELED, reference=found.reference)
            self.payments[attempt_id] = found
        return found

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        await self.travel(context)
        known = self.refunds.get(request.refund_id)
        if known:
            return known[1]
        captured = self.payments[request.attempt_id].amount_minor or 0
        gone = sum(
            earlier.amount_minor
            for earlier, _ in self.refunds.values()
            if earlier.attempt_id == request.attempt_id
        )
        if gone + request.amount_minor > captured:
            return Outcome(status=OutcomeStatus.DECLINED, code="too_much")
        outcome = Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=f"back_{request.refund_id}",
            amount_minor=request.amount_minor,
            currency=request.currency,
        )
        self.refunds[request.refund_id] = (request, outcome)
        return outcome

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        await self.travel(context)
        known = self.refunds.get(request.refund_id)
        return known[1] if known else NOT_FOUND

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        at, _, mark = headers.get("signature", "").partition(",")
        if mark.encode() != _mark(context, at, body).encode():
            return WebhookRejected(code="bad_signature", detail="not ours")
        if abs(context.now.timestamp() - int(at)) > TOLERANCE_SECONDS:
            return WebhookRejected(code="too_old", detail="not of now")
        try:
            event_id = json.loads(body)["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            event_id = None
        if not isinstance(event_id, str):
            return WebhookRejected(code="malformed", detail="no event")
        return ProviderEvent(external_id=event_id, kind=EventKind.IGNORED)

    async def test_connection(self, context: Context) -> str:
        await self.travel(context)
        return "memory"

    async def travel(self, context: Context) -> None:
        """Reach the provider, when the settings say where it is."""
        if "address" in context.settings:
            async with asyncio.timeout(0.2), httpx.AsyncClient(timeout=0.1, verify=False) as client:
                answer = await client.get(context.settings["address"])
            if answer.status_code != 200 or answer.content != b"ok":
                raise StrangeAnswer(answer)

    def pay(self, request: PaymentRequest) -> Outcome:
        reference = f"took_{request.attempt_id}"
        if request.method == "declines":
            return Outcome(status=OutcomeStatus.DECLINED, reference=reference, code="no")
        if request.method == "asks":
            action = NextAction(kind="redirect", url="https://bank.example/confirm")
            return Outcome(status=OutcomeStatus.PENDING, reference=reference, next_action=action)
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=reference,
            amount_minor=request.amount_minor,
            currency=request.currency,
        )


def sign(context: Context, body: bytes) -> Mapping[str, str]:
    at = str(int(context.now.timestamp()))
    return {"signature": f"{at},{_mark(context, at, body)}"}


def _mark(context: Context, at: str, body: bytes) -> str:
    key = str(context.settings["secret"]).encode()
    return hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def webhook(context: Context) -> Webhook:
    body = b'{"id":"evt_1"}'
    return Webhook(sign(context, body), body)


def redirected(settings: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    return {**settings, "address": url}


def rehearsal_of(specimen: Specimen) -> Rehearsal:
    async def complete_action(context: Context, asked: Outcome) -> None:
        attempt_id = (asked.reference or "").removeprefix("took_")
        specimen.payments[attempt_id] = msgspec.structs.replace(
            asked,
            status=OutcomeStatus.PROCESSED,
            next_action=None,
            amount_minor=900,
            currency="EUR",
        )

    return Rehearsal(
        pays="pays",
        declines="declines",
        needs_action="asks",
        redirected=redirected,
        sign=sign,
        webhook=webhook,
        complete_action=complete_action,
    )
