"""Once a provider's account was used it stays the same merchant's, in the same environment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, Scripted
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.web import Web
from tests.pipelines.gates import Gate
from tests.pipelines.test_publish import run
from tests.pipelines.test_publish import save as save_steps

from guildbank.kernel import Refusal
from guildbank.payments.usecases.accounts import ProviderView, get_provider, line_for_sale
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.try_provider import try_provider
from guildbank.payments.usecases.whose_account import name_merchants
from guildbank.plugin_api import (
    MERCHANT,
    Annotated,
    Context,
    Manifest,
    Merchant,
    Outcome,
    PaymentRequest,
    PurchaseView,
    Veto,
)
from guildbank.plugin_host import Plugins

OWN = msgspec.structs.replace(
    MANIFEST,
    account_settings=frozenset({"shop"}),
    capabilities=MANIFEST.capabilities | {MERCHANT},
    settings_schema={
        **MANIFEST.settings_schema,
        "properties": {
            **MANIFEST.settings_schema["properties"],
            "shop": {"type": "string", "default": "corner"},
            "colour": {"type": "string"},
        },
    },
)


class Owned(Scripted):
    """A provider whose keys say whose account they open, as far as somebody answers."""

    def __init__(self, manifest: Manifest = OWN) -> None:
        super().__init__(manifest)
        self.owners: dict[str, Any] = {SECRET: ("acct_1",)}
        self.asked: list[str] = []
        self.called_by: list[str] = []

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        self.called_by.append(context.settings["secret"])
        return await super().create_payment(context, request)

    async def test_connection(self, context: Context) -> str:
        return "Somebody answered."

    async def merchant(self, context: Context) -> Merchant:
        key = context.settings["secret"]
        self.asked.append(key)
        said = self.owners.get(key, ConnectionError(f"401 for {key}"))
        if isinstance(said, Exception):
            raise said
        return Merchant(names=said) if isinstance(said, tuple) else cast("Merchant", said)


class Meanwhile(Gate):
    """A gate during whose work somebody sets the account anew."""

    def __init__(self) -> None:
        super().__init__()
        self.deed: Callable[[], Awaitable[object]] | None = None

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        if self.deed is not None:
            await self.deed()
        return Annotated()


@pytest.fixture
async def gate() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
async def shop(house: House, gate: Meanwhile) -> Shop:
    shop = await open_shop(house, plugins=(("gate", gate),))
    shop.script = Owned()
    shop.payments.plugins = Plugins([("scripted", shop.script)])
    assert await name_merchants(shop.payments, shop.tenant) == 1
    owned(shop).asked.clear()
    return shop


def owned(shop: Shop) -> Owned:
    assert isinstance(shop.script, Owned)
    return shop.script


async def save(shop: Shop, /, enabled: bool = True, **settings: Any) -> ProviderView | Refusal:
    return await configure_provider(
        shop.payments, shop.tenant, "scripted", settings, enabled=enabled, principal="app_cfo"
    )


async def saved(shop: Shop, /, **settings: Any) -> ProviderView:
    done = await save(shop, **settings)
    assert isinstance(done, ProviderView), done
    return done


async def refused(shop: Shop, /, **settings: Any) -> tuple[str, str | None]:
    before = await shown(shop)
    done = await save(shop, **settings)
    assert isinstance(done, Refusal), done
    assert await shown(shop) == before
    return done.code, done.field


async def shown(shop: Shop) -> ProviderView:
    view = await get_provider(shop.payments, shop.tenant, "scripted")
    assert not isinstance(view, Refusal)
    return view


async def test_before_its_first_use_an_account_may_become_another_one(shop: Shop) -> None:
    owned(shop).owners["second-key"] = ("acct_2",)
    assert (await shown(shop)).merchant == ("acct_1",)
    view = await saved(shop, shop="harbour", secret="second-key")
    assert (view.merchant, view.fixed, view.settings) == (("acct_2",), False, {"shop": "harbour"})


@pytest.mark.parametrize("mode", ["test", "live"])
async def test_after_its_first_use_it_stays_where_it_is(shop: Shop, mode: str) -> None:
    moneyed = msgspec.structs.replace(OWN, sandbox=False)
    shop.payments.plugins = Plugins([("scripted", Owned(moneyed))])
    shop.script = cast("Owned", shop.payments.plugins.provider("scripted"))
    shop.tenant = msgspec.structs.replace(shop.tenant, mode=mode)
    await shop.buy(await shop.player())
    assert (await shown(shop)).fixed
    assert await refused(shop, shop="harbour") == ("account_fixed", "settings.shop")
    assert await refused(shop, shop="harbour", secret=SECRET) == ("account_fixed", "settings.shop")
    # What does not say whose account it is may change, and so may what its default says.
    assert (await saved(shop, colour="red")).settings == {"colour": "red"}
    assert (await saved(shop, shop="corner")).settings == {"shop": "corner"}
    assert await refused(shop, shop="harbour") == ("account_fixed", "settings.shop")
    assert (await saved(shop)).settings == {}


async def test_an_account_that_was_switched_off_comes_back_as_the_same(shop: Shop) -> None:
    await shop.buy(await shop.player())
    off = await save(shop, enabled=False)
    assert isinstance(off, ProviderView)
    assert await refused(shop, shop="harbour") == ("account_fixed", "settings.shop")
    assert (await saved(shop)).enabled


async def test_keys_of_the_same_merchant_take_the_place_of_others(shop: Shop) -> None:
    owned(shop).owners |= {"second-key": ("user_9", "acct_1"), "third-key": ("user_9",)}
    await shop.buy(await shop.player())
    assert (await saved(shop, secret="second-key")).merchant == ("user_9", "acct_1")
    assert (await saved(shop, secret="third-key")).merchant == ("user_9",)
    assert owned(shop).asked == ["second-key", "third-key"]


async def test_keys_of_another_merchant_are_refused_and_refunds_go_on(shop: Shop) -> None:
    owned(shop).owners["second-key"] = ("acct_2",)
    intent = await shop.buy(await shop.player())
    assert await refused(shop, secret="second-key") == ("account_fixed", "settings.secret")
    line = await line_for_sale(shop.payments, shop.tenant, "scripted")
    assert not isinstance(line, Refusal)
    assert line.context.settings["secret"] == SECRET
    assert await shop.state(intent) == "credited"


@pytest.mark.parametrize(
    "said",
    [
        ConnectionError("nobody is at home"),
        Merchant(names=()),
        Merchant(names=("x" * 201,)),
        Merchant(names=("acct\x1b",)),
        {"names": "acct_1"},
    ],
    ids=["raised", "nobody", "long", "control-characters", "nothing"],
)
async def test_a_provider_that_does_not_say_whose_they_are_changes_no_key(
    shop: Shop, said: object
) -> None:
    owned(shop).owners["second-key"] = said
    await shop.buy(await shop.player())
    assert await refused(shop, secret="second-key") == ("merchant_unknown", "settings.secret")


async def test_why_a_key_was_not_taken_is_told_without_it(shop: Shop) -> None:
    await shop.buy(await shop.player())
    done = await save(shop, secret="second-key")
    assert isinstance(done, Refusal)
    assert "401 for ***" in done.detail
    assert "second-key" not in done.detail


async def test_a_provider_that_is_away_does_not_keep_an_unused_account_from_being_saved(
    shop: Shop,
) -> None:
    view = await saved(shop, secret="second-key")
    assert (view.merchant, view.fixed) == ((), False)


@pytest.mark.parametrize("by", ["job", "try"])
async def test_whose_it_is_is_asked_again_when_nobody_could_say(shop: Shop, by: str) -> None:
    await saved(shop, secret="second-key")
    await shop.buy(await shop.player())
    owned(shop).owners |= {"second-key": ("acct_2",), "third-key": ("acct_3",)}
    if by == "job":
        assert await name_merchants(shop.payments, shop.tenant) == 1
        assert await name_merchants(shop.payments, shop.tenant) == 0
    else:
        tried = await try_provider(shop.payments, shop.tenant, "scripted")
        assert not isinstance(tried, Refusal)
    assert (await shown(shop)).merchant == ("acct_2",)
    assert await refused(shop, secret="third-key") == ("account_fixed", "settings.secret")


async def test_keys_in_use_that_nobody_named_are_asked_about_when_others_come(shop: Shop) -> None:
    await saved(shop, secret="second-key")
    await shop.buy(await shop.player())
    owned(shop).owners["third-key"] = ("acct_2",)
    # Nobody can say whose the stored one is.
    assert await refused(shop, secret="third-key") == ("merchant_unknown", "settings.secret")
    owned(shop).owners["second-key"] = ("acct_1",)
    assert await refused(shop, secret="third-key") == ("account_fixed", "settings.secret")
    owned(shop).owners["second-key"] = ("acct_2",)
    assert (await saved(shop, secret="third-key")).merchant == ("acct_2",)


async def test_settings_that_stay_ask_nobody(shop: Shop) -> None:
    await shop.buy(await shop.player())
    await saved(shop, colour="red")
    await saved(shop, colour="red", secret=SECRET)
    assert owned(shop).asked == []


async def test_a_payment_that_began_by_settings_of_before_does_not_reach_the_old_account(
    shop: Shop, gate: Meanwhile
) -> None:
    """Its refund would be looked for in the new one."""
    await run(shop, await save_steps(shop))
    owned(shop).owners["second-key"] = ("acct_2",)
    gate.deed = lambda: saved(shop, shop="harbour", secret="second-key")
    intent = await shop.buy(await shop.player())
    assert (intent.state, intent.problem) == ("failed", "account_changed")
    assert shop.script.requests == []
    assert not (await shown(shop)).fixed
    gate.deed = None
    assert (await shop.buy(await shop.player())).state == "credited"
    assert owned(shop).called_by == ["second-key"]


async def test_a_key_that_is_rotated_while_a_payment_begins_does_not_stop_it(
    shop: Shop, gate: Meanwhile
) -> None:
    await run(shop, await save_steps(shop))
    await shop.buy(await shop.player())
    owned(shop).owners["second-key"] = ("acct_1",)
    gate.deed = lambda: saved(shop, secret="second-key")
    assert (await shop.buy(await shop.player())).state == "credited"


async def test_of_a_purchase_and_another_account_at_once_one_waits_for_the_other(
    shop: Shop,
) -> None:
    """However they interleave, the provider is called by settings that stay, or not at all."""
    owned(shop).owners |= {f"key-{n}": (f"acct_{n}",) for n in range(2, 7)}
    player = await shop.player()

    async def saves() -> None:
        for n in range(2, 7):
            await save(shop, secret=f"key-{n}", shop=f"shop {n}")

    async def buys() -> None:
        for _ in range(2):
            await shop.try_buying(player)

    await asyncio.gather(saves(), *(buys() for _ in range(3)))
    assert (await shop.buy(player)).state == "credited"
    line = await line_for_sale(shop.payments, shop.tenant, "scripted")
    assert not isinstance(line, Refusal)
    assert set(owned(shop).called_by) == {line.context.settings["secret"]}


async def test_the_answer_over_http_names_the_field(shop: Shop) -> None:
    web = Web(shop)
    await shop.buy(await shop.player())
    async with await web.machine() as server:
        body = {"settings": {"shop": "harbour"}}
        answer = await server.put("/v1/providers/scripted", json=body)
        view = (await server.get("/v1/providers/scripted")).json()
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert (told["code"], told["field"]) == ("account_fixed", "settings.shop")
    assert "open another tenant" in told["detail"]
    assert (view["merchant"], view["fixed"]) == (["acct_1"], True)
