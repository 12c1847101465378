"""The plugin: Guildbank's payment provider slot, played by the sandbox provider over HTTP."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from guildbank.plugin_api import (
    MERCHANT,
    Context,
    Destination,
    DestinationRefused,
    Manifest,
    Merchant,
    Outcome,
    PaymentRequest,
    PayoutRequest,
    ProviderEvent,
    RefundRequest,
    SettlementPage,
    Slot,
    WebhookRejected,
    never_arrived,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_sandbox import events, outcomes, payouts, settlements, signatures
from guildbank_sandbox.client import (
    DEFAULT_TIMEOUT_SECONDS,
    SandboxUnreachable,
    call,
)
from guildbank_sandbox.rehearsal import REHEARSAL
from guildbank_sandbox.wire import (
    AccountObject,
    ErrorBody,
    PaymentObject,
    Payments,
    RefundObject,
    Refunds,
)

ON_ITS_WAY = timedelta(minutes=1)
"""Twice the longest time-out: by then a request that was given up has arrived or is lost."""
MANIFEST = Manifest(
    id="sandbox",
    version="0.1.0",
    slot=Slot.PROVIDER,
    title="Sandbox",
    capabilities=frozenset(
        {
            "redirect",
            "cancel",
            "refund",
            "partial_refund",
            "dispute",
            "settlements",
            "payouts",
            MERCHANT,
        }
    ),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "api_key", "webhook_secret"],
        "properties": {
            "base_url": {
                "type": "string",
                "format": "uri",
                "pattern": "^https?://[^/?#@]+(/[^?#]*)?$",
                "maxLength": 500,
                "title": "Address",
                "description": "Where the sandbox provider runs, such as http://127.0.0.1:8081.",
            },
            "api_key": {
                "type": "string",
                "pattern": "^[\\x21-\\x7e]{8,200}$",
                "title": "API key",
                "description": "The key of the account at the sandbox provider.",
            },
            "webhook_secret": {
                "type": "string",
                "pattern": "^[\\x21-\\x7e]{8,200}$",
                "title": "Webhook secret",
                "description": "The secret that the account's webhooks are signed with.",
            },
            "timeout_seconds": {
                "type": "integer",
                "minimum": 1,
                "maximum": 30,
                "default": DEFAULT_TIMEOUT_SECONDS,
                "title": "Time-out",
                "description": "Seconds to wait for an answer before the outcome is unknown.",
            },
        },
    },
    secret_fields=frozenset({"api_key", "webhook_secret"}),
    egress_hosts=("*",),
    # A dispute that is won leaves its report again.
    report_lines=frozenset({"capture", "refund", "dispute", "player_payout"}),
    archived=(
        "reference",
        "amount_minor",
        "currency",
        "method",
        "payment",
        "id",
        "state",
        "code",
        "captured_minor",
        "captured_currency",
        "error.code",
        "error.field",
        "items.*.id",
        "items.*.state",
        "items.*.code",
        "type",
        "data.payment.id",
        "data.payment.reference",
        "data.payment.state",
        "data.refund.id",
        "data.refund.state",
        "data.payout.id",
        "data.payout.state",
    ),
    request_id_header="Request-Id",
    timeout_seconds=30,
    sandbox=True,
)


class SandboxProvider:
    """Takes, cancels and refunds payments at the sandbox provider, and reads its webhooks."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest."""
        return MANIFEST

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Start taking money."""
        body: dict[str, object] = {
            "reference": request.attempt_id,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
            "description": request.description,
            "customer": request.player_id,
            "webhook_url": context.webhook_url,
        }
        if request.method is not None:
            body["method"] = request.method
        if request.return_url is not None:
            body["return_url"] = request.return_url
        answer = await call(
            context,
            "POST",
            "/payments",
            PaymentObject,
            body=body,
            idempotency_key=request.idempotency_key,
        )
        return outcomes.of_created(answer, outcomes.of_payment)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say how the payment stands."""
        found = await self._find_payment(context, attempt_id, reference)
        if found is not None:
            return outcomes.of_payment(found)
        return _never_arrived(attempt_id, context) if reference is None else outcomes.not_found()

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Stop a payment that is not captured; one the provider never got is `not_found`."""
        if reference is None:
            found = await self._find_payment(context, attempt_id, None)
            if found is None:
                return _never_arrived(attempt_id, context)
            reference = found.id
        path = f"/payments/{quote(reference, safe='')}/cancel"
        answer = await call(context, "POST", path, PaymentObject)
        return outcomes.of_found(answer, outcomes.of_payment)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Give money back."""
        body: dict[str, object] = {
            "payment": request.payment_reference,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
            "reference": request.refund_id,
            "reason": request.reason,
        }
        answer = await call(
            context,
            "POST",
            "/refunds",
            RefundObject,
            body=body,
            idempotency_key=request.idempotency_key,
        )
        return outcomes.of_created(answer, outcomes.of_refund)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Say how a refund stands."""
        if reference is not None:
            path = f"/refunds/{quote(reference, safe='')}"
            one = await call(context, "GET", path, RefundObject)
            return outcomes.of_found(one, outcomes.of_refund)
        query = {"reference": request.refund_id}
        some = await call(context, "GET", "/refunds", Refunds, query=query)
        if isinstance(some, ErrorBody):
            raise SandboxUnreachable(some.code)
        if not some.items:
            return _never_arrived(request.refund_id, context)
        return outcomes.of_refund(some.items[0])

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Verify the raw bytes and read the event."""
        secret = context.settings.get("webhook_secret")
        rejected = signatures.check(
            headers.get(signatures.HEADER),
            body,
            secret if isinstance(secret, str) else "",
            context.now,
        )
        return events.read(body) if rejected is None else rejected

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        """Return a page of what the provider reports of the account's money."""
        return await settlements.read(context, since, until, cursor)

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        """Read an account of the sandbox."""
        return payouts.read_destination(given)

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        """Send money."""
        return await payouts.pay_out(context, request)

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        """Say how a payout stands."""
        return await payouts.fetch_payout(context, request, reference)

    async def merchant(self, context: Context) -> Merchant:
        """Return the account's id; raises SandboxUnreachable if none answered."""
        answer = await call(context, "GET", "/account", AccountObject)
        if isinstance(answer, ErrorBody):
            raise SandboxUnreachable(answer.message)
        return Merchant(names=(answer.id,))

    async def test_connection(self, context: Context) -> str:
        """Return which account answered; raises SandboxUnreachable if none did."""
        answer = await call(context, "GET", "/account", AccountObject)
        if isinstance(answer, ErrorBody):
            raise SandboxUnreachable(answer.message)
        return f"Connected to the sandbox account {answer.name} ({answer.id})."

    def rehearsal(self) -> Rehearsal:
        """Return how to reach each outcome, for `guildbank plugin test sandbox`."""
        return REHEARSAL

    async def _find_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> PaymentObject | None:
        if reference is not None:
            path = f"/payments/{quote(reference, safe='')}"
            one = await call(context, "GET", path, PaymentObject)
            if isinstance(one, PaymentObject):
                return one
            if one.code == "not_found":
                return None
            raise SandboxUnreachable(one.code)
        query = {"reference": attempt_id}
        some = await call(context, "GET", "/payments", Payments, query=query)
        if isinstance(some, ErrorBody):
            raise SandboxUnreachable(some.code)
        return some.items[0] if some.items else None


def _never_arrived(our_id: str, context: Context) -> Outcome:
    return never_arrived(our_id, context.now, "The sandbox", ON_ITS_WAY)


PLUGIN = SandboxProvider()
"""What the entry point names."""
