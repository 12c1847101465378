"""The id under which a company knows a request stands in the payment's timeline."""

import re
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House
from tests.payments.sandbox_till import Till, open_till
from tests.payments.shop import Shop
from tests.payments.stripe_till import open_till as open_stripe_till
from tests.servers.lab import LabServer
from tests.servers.sandbox import SandboxServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.exchanges import request_id_of
from guildbank.payments.personal import PERSONAL
from guildbank.payments.usecases.read_timeline import Moment, read_timeline
from guildbank.plugin_api import Manifest, Slot
from guildbank_paypal.manifest import MANIFEST as PAYPAL
from guildbank_stripe.manifest import MANIFEST as STRIPE

NAMED = Manifest(
    id="named", version="1.0.0", slot=Slot.PROVIDER, title="Named",
    settings_schema={"type": "object"}, request_id_header="X-Trace",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), late_seconds=0.2) as running:
        yield running


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def till(house: House, server: SandboxServer) -> AsyncIterator[Till]:
    async with open_till(house, server) as till:
        yield till


async def requests(shop: Shop, payment: Intent) -> list[Moment]:
    """Return the requests to the provider that the timeline tells of."""
    await shop.payments.drain()
    found = await read_timeline(shop.payments, shop.tenant, payment.id)
    assert not isinstance(found, Refusal), found
    return [one for one in found if one.kind == "provider.called"]


async def test_the_timeline_names_each_request_as_the_provider_does(till: Till) -> None:
    payment = await till.buy(await till.shop.player(), "instant")
    await till.shop.refunded(payment, 50)
    told = await requests(till.shop, payment)
    async with await till.web.machine("payments:exchanges") as client:
        answer = await client.get(f"/v1/payments/{payment.id}/exchanges")
    kept = [one for one in answer.json()["items"] if one["kind"] == "provider"]
    assert [one.facts["requestId"] for one in told] == [one["requestId"] for one in kept]
    assert len({one.facts["requestId"] for one in told}) == len(told) >= 2
    first = told[0]
    assert (first.facts["provider"], first.facts["method"], first.facts["status"]) == (
        "sandbox", "POST", 201,
    )  # fmt: skip
    assert re.fullmatch("req_[0-9a-f]{16}", first.facts["requestId"])


async def test_a_request_that_failed_can_be_asked_about_too(till: Till) -> None:
    payment = await till.buy(await till.shop.player(), "instant_lost")
    failed = (await requests(till.shop, payment))[0]
    assert failed.facts["status"] == 500
    assert failed.facts["requestId"] is not None


async def test_the_timeline_of_an_erased_person_names_no_request(till: Till) -> None:
    payment = await till.buy(await till.shop.player(), "instant")
    assert await requests(till.shop, payment)
    async with till.shop.house.db.begin(till.shop.tenant.schema) as tx:
        for statement in [forget for one in PERSONAL for forget in one.erase]:
            await tx.driver.execute(statement, payment.player_id)
    assert await requests(till.shop, payment) == []


async def test_stripes_request_id_is_kept(house: House, lab: LabServer) -> None:
    async with open_stripe_till(house, lab) as (till, _):
        payment = await till.buy(await till.shop.player())
        told = await requests(till.shop, payment)
        assert told
        assert all(re.fullmatch("req_[0-9a-f]{14}", one.facts["requestId"]) for one in told)


@pytest.mark.parametrize(
    ("headers", "manifest", "found"),
    [
        ({"request-id": "req_1"}, STRIPE, "req_1"),
        ({"paypal-debug-id": "f1d2d2f924e98"}, PAYPAL, "f1d2d2f924e98"),
        ({"x-trace": "a1"}, NAMED, "a1"),
        ({"x-trace": "4242424242424242"}, NAMED, "************4242"),
        ({"x-trace": "two words"}, NAMED, None),
        ({"x-trace": "x" * 129}, NAMED, None),
        ({"x-trace": "olga\u00e9"}, NAMED, None),
        ({"x-other": "a1"}, NAMED, None),
        (None, NAMED, None),
    ],
    ids=[
        "stripe", "paypal", "of-any-plugin", "a-card", "words", "too-long", "no-ascii", "none",
        "no-answer",
    ],
)  # fmt: skip
def test_what_is_no_id_is_left_out(
    headers: dict[str, str] | None, manifest: Manifest, found: str | None
) -> None:
    assert request_id_of(headers, manifest) == found
