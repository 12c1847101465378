"""A provider that remembers what the real one said, so that leaked secrets can be found."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from guildbank.plugin_api.capturing import Captures
from guildbank.plugin_api.confirmation import Confirmation, Confirms, NotConfirmed
from guildbank.plugin_api.disputes import (
    AnswersDisputes,
    DisputeStand,
    EvidenceRefused,
    EvidenceRequest,
    TellsDisputes,
)
from guildbank.plugin_api.finishing import Finishes
from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.merchant import Merchant, NamesMerchant
from guildbank.plugin_api.payouts import Destination, DestinationRefused, PayoutRequest, PaysOut
from guildbank.plugin_api.provider import (
    Context,
    Outcome,
    PaymentProvider,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    WebhookRejected,
)
from guildbank.plugin_api.report import ReportPage, Reports
from guildbank.plugin_api.saved import CustomerRequest, SavedMethod, SavesMethods
from guildbank.plugin_api.settlement import SettlementPage, Settles
from guildbank.plugin_api.subscriptions import Subscribes, SubscriptionStand

T = TypeVar("T")


class Witness:
    """Passes every call on and keeps the text of each result and each exception."""

    def __init__(self, provider: PaymentProvider) -> None:
        self._provider = provider
        self.heard: list[str] = []

    @property
    def plugin(self) -> PaymentProvider:
        """Return the provider."""
        return self._provider

    @property
    def manifest(self) -> Manifest:
        """Return the provider's manifest."""
        return self._provider.manifest

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Pass on."""
        return await self._keep(self._provider.create_payment(context, request))

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Pass on."""
        return await self._keep(self._provider.fetch_payment(context, attempt_id, reference))

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Pass on."""
        return await self._keep(self._provider.cancel_payment(context, attempt_id, reference))

    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Pass on; only a provider whose manifest says so is asked."""
        assert isinstance(self._provider, Captures), "its manifest says that it captures"
        return await self._keep(self._provider.capture_payment(context, attempt_id, reference))

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Pass on."""
        return await self._keep(self._provider.refund(context, request))

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Pass on."""
        return await self._keep(self._provider.fetch_refund(context, request, reference))

    async def merchant(self, context: Context) -> Merchant:
        """Pass on; only a provider whose manifest says so is asked."""
        assert isinstance(self._provider, NamesMerchant), "its manifest says that it can"
        return await self._keep(self._provider.merchant(context))

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Pass on; a provider that takes no confirmation was given none by its rehearsal."""
        assert isinstance(self._provider, Confirms), "its rehearsal confirms"
        return await self._keep(self._provider.confirm(context, given))

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        """Pass on, for a provider that reports what it settled."""
        settles = cast("Settles", self._provider)
        return await self._keep(settles.settlements(context, since, until, cursor))

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        """Pass on, for a provider that is polled."""
        reports = cast("Reports", self._provider)
        return await self._keep(reports.report(context, since, cursor))

    async def finish_payment(self, context: Context, reference: str) -> None:
        """Pass on, for a provider whose company waits to hear of it."""
        finishes = cast("Finishes", self._provider)
        await self._keep(finishes.finish_payment(context, reference))

    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        """Pass on, for a store that sells subscriptions."""
        subscribes = cast("Subscribes", self._provider)
        return await self._keep(subscribes.fetch_subscription(context, reference, since))

    async def open_customer(self, context: Context, request: CustomerRequest) -> str:
        """Pass on, for a provider that keeps methods."""
        return await self._keep(self._keeper.open_customer(context, request))

    async def knows_customer(self, context: Context, request: CustomerRequest) -> bool:
        """Pass on, for a provider that keeps methods."""
        return await self._keep(self._keeper.knows_customer(context, request))

    async def forget_customer(self, context: Context, request: CustomerRequest) -> None:
        """Pass on, for a provider that keeps methods."""
        await self._keep(self._keeper.forget_customer(context, request))

    async def saved_method(
        self, context: Context, customer: str, attempt_id: str, reference: str
    ) -> SavedMethod | None:
        """Pass on, for a provider that keeps methods."""
        call = self._keeper.saved_method(context, customer, attempt_id, reference)
        return await self._keep(call)

    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        """Pass on, for a provider that keeps methods."""
        return await self._keep(self._keeper.fetch_method(context, customer, reference))

    async def remove_method(self, context: Context, customer: str, reference: str) -> None:
        """Pass on, for a provider that keeps methods."""
        await self._keep(self._keeper.remove_method(context, customer, reference))

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        """Pass on, for a provider that pays out."""
        return await self._keep(self._payer_out.check_destination(context, given))

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        """Pass on, for a provider that pays out."""
        return await self._keep(self._payer_out.pay_out(context, request))

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        """Pass on, for a provider that pays out."""
        return await self._keep(self._payer_out.fetch_payout(context, request, reference))

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand | None:
        """Pass on, for a provider that tells of disputes."""
        tells = cast("TellsDisputes", self._provider)
        return await self._keep(tells.fetch_dispute(context, reference))

    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        """Pass on, for a provider that answers disputes."""
        answers = cast("AnswersDisputes", self._provider)
        return await self._keep(answers.submit_evidence(context, request))

    @property
    def _payer_out(self) -> PaysOut:
        return cast("PaysOut", self._provider)

    @property
    def _keeper(self) -> SavesMethods:
        return cast("SavesMethods", self._provider)

    async def test_connection(self, context: Context) -> str:
        """Pass on."""
        return await self._keep(self._provider.test_connection(context))

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Pass on."""
        try:
            read = await self._provider.read_webhook(context, headers, body)
        except Exception as error:
            self.heard += words_of(error)
            raise
        # What the sender wrote is not the provider's leak, so only refusals are kept.
        if isinstance(read, WebhookRejected):
            self.heard.append(repr(read))
        return read

    async def _keep(self, call: Awaitable[T]) -> T:
        try:
            result = await call
        except Exception as error:
            self.heard += words_of(error)
            raise
        self.heard.append(repr(result))
        return result


def words_of(error: BaseException | None) -> list[str]:
    """Return what an exception and those behind it say: a log prints the whole chain."""
    words: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        words += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return words


def secrets_of(manifest: Manifest, context: Context) -> list[str]:
    """Return the values of the settings that must never be shown."""
    return secrets_in(manifest, context.settings)


def secrets_in(manifest: Manifest, settings: Mapping[str, Any]) -> list[str]:
    """Return those of the settings that must never be shown."""
    values = (settings.get(name) for name in manifest.secret_fields)
    return [value for value in values if isinstance(value, str) and value]


def scrub(text: str, secrets: list[str]) -> str:
    """Return the text with each secret replaced, fit for a report."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
