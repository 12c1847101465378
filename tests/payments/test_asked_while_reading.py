"""What a plugin asks before it is known what for is kept with what it was about."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.cashier import Window, open_window
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_exchanges_about import KEPT

from guildbank.kernel import Refusal, new_id
from guildbank.payments.usecases.exchanges import Kept, read_exchanges, read_exchanges_about
from guildbank.payments.usecases.payouts.destinations import add_destination
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.plugin_api import Context, EventKind, NoAnswer, ProviderEvent

LOOKED_UP = "/purchases/42"


async def look_up(context: Context) -> None:
    """Ask a server that does not answer."""
    with suppress(NoAnswer):
        await context.http.send("GET", f"http://127.0.0.1:9{LOOKED_UP}")


@pytest.fixture
async def shop(house: House, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop whose provider looks up what each event names."""
    shop = await open_shop(house)
    reads = shop.script.read_webhook

    async def asks(context: Context, headers: Mapping[str, str], body: bytes) -> Any:
        await look_up(context)
        return await reads(context, headers, body)

    monkeypatch.setattr(shop.script, "read_webhook", asks)
    return shop


async def tell(shop: Shop, attempt_id: str | None, secret: str = SECRET) -> bool | Refusal:
    event = ProviderEvent(
        external_id=new_id("evt"), kind=EventKind.PAYMENT, attempt_id=attempt_id
    )  # fmt: skip
    told = await receive_webhook(
        shop.payments, shop.tenant.slug, "scripted", {"x-sign": secret}, msgspec.json.encode(event)
    )
    await shop.payments.drain()
    return told


async def about(shop: Shop, what: str) -> list[Kept]:
    await shop.payments.drain()
    found = await read_exchanges_about(shop.payments, shop.tenant, "app", what, "", 50)
    return [one for one in found if one.kind == "provider"]


async def test_what_is_looked_up_for_an_event_is_kept_with_its_payment(shop: Shop) -> None:
    payment = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(payment)).attempts
    assert await tell(shop, attempt.id) is True
    found = await read_exchanges(shop.payments, shop.tenant, "app", payment.id, "", 50)
    assert not isinstance(found, Refusal)
    (asked,) = [one for one in found if one.kind == "provider"]
    assert (asked.exchange.of, asked.exchange.path) == ("scripted", LOOKED_UP)
    assert await about(shop, "scripted") == []


async def test_of_an_event_about_nobody_known_it_is_kept_with_the_provider(shop: Shop) -> None:
    assert await tell(shop, new_id("att")) is True
    (asked,) = await about(shop, "scripted")
    assert asked.exchange.path == LOOKED_UP


async def test_of_an_event_that_is_not_believed_nothing_is_kept(shop: Shop) -> None:
    assert isinstance(await tell(shop, None, "guessed"), Refusal)
    assert await about(shop, "scripted") == []
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        assert await tx.driver.fetchval(KEPT) == ""


@pytest.fixture
async def window(house: House, monkeypatch: pytest.MonkeyPatch) -> Window:
    """Return a window whose provider is asked about each destination."""
    window = await open_window(house)
    checks = window.cashier.check_destination

    async def asks(context: Context, given: Mapping[str, str]) -> Any:
        await look_up(context)
        return await checks(context, given)

    monkeypatch.setattr(window.cashier, "check_destination", asks)
    return window


@pytest.mark.parametrize("account", ["4711", "none"], ids=["taken", "refused"])
async def test_what_is_asked_about_a_destination_is_kept_under_its_players_key(
    window: Window, account: str
) -> None:
    shop = window.shop
    player = await shop.player()
    given = {"account": account}
    made = await add_destination(shop.payments, shop.tenant, "app", player, "cash", given)
    named = "cash" if isinstance(made, Refusal) else made.stored.id
    (asked,) = await about(shop, named)
    assert (asked.exchange.of, asked.exchange.path) == ("cash", LOOKED_UP)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute("DELETE FROM identity_person_key WHERE player_id = $1", player)
    assert await about(shop, named) == [], "it is gone with the person's key"
