"""The checks of stores that sell subscriptions pass a sound one and no other."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import (
    SUBSCRIPTIONS,
    Confirmation,
    Context,
    EventKind,
    NextAction,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    Period,
    ProviderEvent,
    Slot,
    SubscriptionStand,
    SubscriptionState,
)
from guildbank.plugin_api.conformance import (
    SUBSCRIPTION_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)
from guildbank.plugin_api.runner import verbs_of

NOW = datetime(2026, 11, 27, tzinfo=UTC)
MONTH = timedelta(days=30)
PACK = "pack_1"
SELLING = msgspec.structs.replace(
    MANIFEST, capabilities=frozenset({"cancel", SUBSCRIPTIONS}), sold_by_store=True,
    confirmed_by="buyer",
)  # fmt: skip
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=NOW,
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip


class Selling(Specimen):
    """Sells subscriptions: its purchases are named by the attempt and a number."""

    manifest = SELLING

    def __init__(self) -> None:
        super().__init__()
        self.periods: dict[str, int] = {}

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        action = NextAction(kind="store", details={"token": request.attempt_id})
        return Outcome(status=OutcomeStatus.PENDING, next_action=action)

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        attempt, _, number = given.data.get("transaction", "").partition("/")
        if attempt != given.request.attempt_id or int(number or 99) >= self.periods.get(attempt, 0):
            return NotConfirmed(code="unknown", detail="Buy it first.")
        began = NOW + MONTH * int(number)
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=f"{attempt}/{number}",
            amount_minor=given.request.amount_minor,
            currency=given.request.currency,
            period=self.period(attempt, began),
        )

    def period(self, attempt: str, began: datetime) -> Period | None:
        return Period(subscription=attempt, began_at=began, ends_at=began + MONTH, product_id=PACK)

    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        sold = self.periods.get(reference)
        if sold is None:
            return None
        return SubscriptionStand(
            state=SubscriptionState.ACTIVE, ends_at=NOW + MONTH * sold, renews=True,
            events=tuple(self.event(reference, number) for number in range(sold)),
        )  # fmt: skip

    def event(self, attempt: str, number: int) -> ProviderEvent:
        return ProviderEvent(
            external_id=f"{attempt}/{number}", kind=EventKind.PAYMENT, attempt_id=attempt,
            payment_reference=f"{attempt}/{number}",
        )  # fmt: skip

    async def subscribe(self, context: Context, request: PaymentRequest) -> Mapping[str, str]:
        self.periods[request.attempt_id] = 1
        return {"transaction": f"{request.attempt_id}/0"}

    async def renew(self, context: Context, made: Outcome) -> None:
        self.periods[(made.reference or "").partition("/")[0]] += 1


class SaysNoPeriod(Selling):
    def period(self, attempt: str, began: datetime) -> Period | None:
        return None


class SellsAnotherPack(Selling):
    def period(self, attempt: str, began: datetime) -> Period | None:
        return Period(subscription=attempt, began_at=began, ends_at=began + MONTH, product_id="x")


class NamesEachRenewalAlike(Selling):
    def event(self, attempt: str, number: int) -> ProviderEvent:
        return msgspec.structs.replace(super().event(attempt, number), external_id="renewed")


class ForgetsWhoseItIs(Selling):
    def event(self, attempt: str, number: int) -> ProviderEvent:
        return msgspec.structs.replace(super().event(attempt, number), attempt_id=None)


class TellsOfTheNewestAlone(Selling):
    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        stand = await super().fetch_subscription(context, reference, since)
        return stand and msgspec.structs.replace(stand, events=stand.events[-1:])


class KnowsEverything(Selling):
    async def fetch_subscription(
        self, context: Context, reference: str, since: datetime
    ) -> SubscriptionStand | None:
        self.periods.setdefault(reference, 1)
        return await super().fetch_subscription(context, reference, since)


async def checked(kind: type[Selling]) -> dict[str, Check]:
    provider = kind()
    rehearsal = msgspec.structs.replace(
        rehearsal_of(provider), product_id=PACK, confirms=provider.subscribe,
        subscribes=provider.subscribe, renews=provider.renew,
    )  # fmt: skip
    done = await run_provider_conformance(provider, CONTEXT, rehearsal)
    names = {check.__name__ for check in SUBSCRIPTION_CHECKS}
    return {one.name: one for one in done if one.name in names}


async def test_a_sound_one_passes() -> None:
    found = await checked(Selling)
    assert len(found) == len(SUBSCRIPTION_CHECKS)
    assert all(one.passed for one in found.values()), found


@pytest.mark.parametrize(
    ("kind", "failed"),
    [
        (SaysNoPeriod, "a_first_period_says_of_what_it_is"),
        (SellsAnotherPack, "a_first_period_says_of_what_it_is"),
        (NamesEachRenewalAlike, "each_renewal_is_a_purchase_of_its_own"),
        (ForgetsWhoseItIs, "each_renewal_is_a_purchase_of_its_own"),
        (TellsOfTheNewestAlone, "each_renewal_is_a_purchase_of_its_own"),
        (KnowsEverything, "an_unknown_subscription_is_none"),
    ],
)
async def test_a_fault_is_found(kind: type[Selling], failed: str) -> None:
    check = (await checked(kind))[failed]
    assert check.ran
    assert not check.passed, check


def test_an_installed_store_can_be_asked_of_its_subscriptions() -> None:
    assert "fetch_subscription" in verbs_of(Slot.PROVIDER)
