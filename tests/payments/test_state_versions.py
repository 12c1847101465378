"""What a version of a provider left behind is gone on with by the newest that reads it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.cashier import CASH, Cashier, open_window
from tests.payments.keeper import Keeper
from tests.payments.scripted import MANIFEST, PENDING, Scripted, processed
from tests.payments.shop import Shop, open_shop
from tests.payments.test_saved_methods import Counter, counter

from guildbank.kernel import Refusal
from guildbank.payments import saved
from guildbank.payments.contracts.saved import CustomerState
from guildbank.payments.usecases.forget_customer import forget_customer
from guildbank.payments.usecases.limit_versions import limit_versions
from guildbank.plugin_api import Context, EventKind, Manifest, ProviderEvent, Slot, WebhookRejected

__all__ = ["counter"]


def second(manifest: Manifest, *reads: int) -> Manifest:
    """Return the manifest of a second version, which leaves things in a state of its own."""
    return msgspec.structs.replace(
        manifest, version="2", state_version=2, reads_states=frozenset(reads)
    )


def upgrade(shop: Shop, newer: Scripted, older: Scripted) -> None:
    """Put a newer version of a provider in the place of the older one, which stays behind it."""
    plugins, id_ = shop.payments.plugins, newer.manifest.id
    plugins._slots[Slot.PROVIDER][id_] = newer
    plugins._older[Slot.PROVIDER, id_] = [older]


async def lost(shop: Shop, manifest: Manifest) -> list[str]:
    services = SimpleNamespace(db=shop.house.db, payments=shop.payments)
    return await limit_versions(services, shop.tenant, [manifest])


async def test_a_payout_is_gone_on_with_by_a_version_that_reads_where_it_goes(
    house: House,
) -> None:
    window = await open_window(house)
    player, place = await window.earner()
    first, newer = window.cashier, Cashier(second(CASH))
    first.on_pay = PENDING
    payout = await window.pay(player, place)
    assert await lost(window.shop, newer.manifest) == [
        "it cannot read state 1 of 1 destinations of payouts",
        "it cannot read state 1 of 1 payouts that are under way or may come back",
    ]
    assert await lost(window.shop, second(CASH, 1)) == []
    upgrade(window.shop, newer, first)
    first.says(payout, processed(200, reference=f"po_{payout.id}"))
    await window.later(minutes=5)
    assert await window.state(payout) == "paid"
    first.on_pay = None
    again = await window.pay(player, place, 100)
    assert (again.state, [one.payout_id for one in first.asked]) == ("paid", [payout.id, again.id])
    assert newer.asked == []
    elsewhere = await window.destination(player)
    window.wait(days=15)
    other = await window.pay(player, elsewhere, 100)
    assert [one.payout_id for one in newer.asked] == [other.id]


@pytest.fixture
async def shop(house: House) -> Shop:
    return await open_shop(house)


async def test_customers_and_methods_go_by_a_version_that_reads_them_and_pay_by_no_other(
    counter: Counter,
) -> None:
    shop, keeper, newer = counter.shop, counter.keeper, Keeper()
    newer._manifest = second(keeper.manifest)
    player = await shop.player()
    method = await counter.save(player)
    assert (await lost(shop, newer.manifest))[1:] == [
        "it cannot read state 1 of 1 methods that are kept",
        "it cannot read state 1 of 1 players who are customers",
    ]
    upgrade(shop, newer, keeper)
    refused = await counter.pay(player, method.method.id)
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_state_unread"
    assert (newer.openings, newer.requests) == ([], [])
    assert await counter.remove(player, method.method.id) is None
    [row] = await counter.rows("payments_customer")
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        customer = await saved.customer_by_id(tx.driver, row["id"])
    assert customer is not None
    going = msgspec.structs.replace(customer, state=CustomerState.FORGETTING)
    assert await forget_customer(shop.payments, shop.tenant, going)
    assert (len(keeper.removals), keeper.forgotten) == (1, [player])
    assert (newer.removals, newer.forgotten) == ([], [])


class Reads(Scripted):
    """A version that makes of webhooks what a test says, and counts them."""

    heard = 0
    reads: Any = None

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        self.heard += 1
        event = await super().read_webhook(context, headers, body)
        return event if self.reads is None else self.reads(event)


def rejects(event: ProviderEvent) -> WebhookRejected:
    return WebhookRejected(code="bad_signature", detail="It is signed in the old way.")


def misreads(event: ProviderEvent) -> ProviderEvent:
    return msgspec.structs.replace(event, attempt_id=None, payment_reference="something else")


@pytest.mark.parametrize("reads", [rejects, misreads, None], ids=["rejects", "misreads", "reads"])
async def test_a_webhook_is_read_by_the_newest_version_that_reads_what_it_is_about(
    shop: Shop, reads: Any
) -> None:
    first, newer = shop.script, Reads(second(MANIFEST))
    newer.reads = reads
    first.on_create = PENDING
    intent = await shop.buy(await shop.player())
    [request] = first.requests
    first.stands[request.attempt_id] = processed(499, reference=f"pi_{request.attempt_id}")
    upgrade(shop, newer, first)
    assert await shop.event(EventKind.PAYMENT, attempt_id=request.attempt_id) is True
    assert (await shop.dossier(intent)).intent.state == "credited"
    assert newer.heard == 1


async def test_a_webhook_about_what_the_newest_version_left_is_read_by_no_other(
    shop: Shop,
) -> None:
    older, newer = Reads(MANIFEST), Reads(second(MANIFEST))
    upgrade(shop, newer, older)
    newer.on_create = PENDING
    intent = await shop.buy(await shop.player())
    [request] = newer.requests
    newer.stands[request.attempt_id] = processed(499, reference=f"pi_{request.attempt_id}")
    assert await shop.event(EventKind.PAYMENT, attempt_id=request.attempt_id) is True
    assert (await shop.dossier(intent)).intent.state == "credited"
    assert (newer.heard, older.heard) == (1, 0)


async def test_what_no_version_believes_is_refused(shop: Shop) -> None:
    first, newer = shop.script, Reads(second(MANIFEST))
    newer.reads = rejects
    upgrade(shop, newer, first)
    shop.script.read_webhook = newer.read_webhook  # type: ignore[method-assign]
    refused = await shop.event(EventKind.PAYMENT, attempt_id="att_1")
    assert isinstance(refused, Refusal)
    assert refused.code == "bad_signature"
