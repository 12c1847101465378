"""A provider that does what a test tells it, for outcomes that no real one gives on demand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import msgspec

from guildbank.plugin_api import (
    Context,
    Manifest,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    Settlement,
    SettlementPage,
    Slot,
    WebhookRejected,
)

MANIFEST = Manifest(
    id="scripted",
    version="1",
    slot=Slot.PROVIDER,
    title="Scripted",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["secret"],
        "properties": {
            "secret": {"type": "string", "minLength": 4},
            "shop": {"type": "string"},
        },
    },
    capabilities=frozenset({"settlements"}),
    secret_fields=frozenset({"secret"}),
    archived=("kind", "external_id", "note"),
    timeout_seconds=1,
    sandbox=True,
    report_lines=frozenset({"capture", "refund", "dispute", "dispute_back", "player_payout"}),
)
NOT_FOUND = Outcome(status=OutcomeStatus.CANCELED, code="not_found")
PENDING = Outcome(status=OutcomeStatus.PENDING)
DECLINED = Outcome(status=OutcomeStatus.DECLINED, code="card_declined")
UNKNOWN = Outcome(status=OutcomeStatus.UNKNOWN)


def processed(amount_minor: int, currency: str = "EUR", reference: str | None = None) -> Outcome:
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        amount_minor=amount_minor,
        currency=currency,
        reference=reference,
    )


class Lost(Exception):
    """The provider's answer got lost on its way."""


Answer = Outcome | Exception | Callable[[], Awaitable[Outcome]]


class Scripted:
    """Answers from its script; a payment's truth is what `stands` says of its attempt."""

    def __init__(self, manifest: Manifest = MANIFEST) -> None:
        self._manifest = manifest
        self.on_create: Answer | None = None
        self.on_refund: Answer | None = None
        self.on_cancel: Answer | None = None
        self.stands: dict[str, Outcome] = {}
        self.refund_stands: dict[str, Outcome] = {}
        self.requests: list[PaymentRequest] = []
        self.refund_requests: list[RefundRequest] = []
        self.settled: list[Settlement | Exception] = []
        self.page_lines = 2

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        self.requests.append(request)
        reference = f"pi_{request.attempt_id}"
        full = processed(request.amount_minor, request.currency, reference)
        if self.on_create is None:
            self.stands[request.attempt_id] = full
            return full
        answer = await _say(self.on_create)
        answer = msgspec.structs.replace(answer, reference=answer.reference or reference)
        self.stands.setdefault(request.attempt_id, answer)
        return answer

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        await asyncio.sleep(0)
        return self.stands.get(attempt_id, NOT_FOUND)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        if self.on_cancel is not None:
            return await _say(self.on_cancel)
        self.stands[attempt_id] = Outcome(status=OutcomeStatus.CANCELED, reference=reference)
        return self.stands[attempt_id]

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        self.refund_requests.append(request)
        reference = f"re_{request.refund_id}"
        full = processed(request.amount_minor, request.currency, reference)
        answer = full if self.on_refund is None else await _say(self.on_refund)
        if answer.status in (OutcomeStatus.PENDING, OutcomeStatus.PROCESSED):
            answer = msgspec.structs.replace(answer, reference=reference)
        self.refund_stands[request.refund_id] = answer
        return answer

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        known = self.refund_stands.get(request.refund_id)
        return known or self.refund_stands.get(reference or "", NOT_FOUND)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        if headers.get("x-sign") != context.settings["secret"]:
            return WebhookRejected(code="bad_signature", detail="not signed")
        return msgspec.json.decode(body, type=ProviderEvent)

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        place = int(cursor or 0)
        lines = self.settled[place : place + self.page_lines]
        for line in lines:
            if isinstance(line, Exception):
                self.settled.remove(line)
                raise line
        more = place + self.page_lines < len(self.settled)
        found = tuple(line for line in lines if isinstance(line, Settlement))
        return SettlementPage(lines=found, next=str(place + self.page_lines) if more else None)

    async def test_connection(self, context: Context) -> str:
        return "Connected."


async def _say(answer: Answer) -> Outcome:
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, Outcome) else await answer()
