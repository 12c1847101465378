"""What of each shipped provider says whose account it is stays once somebody bought there."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.usecases.accounts import ProviderView, get_provider
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import Context, HttpAnswer, PaymentProvider
from guildbank.plugin_api.conformance.identity.stage import Hostile
from guildbank_appstore.plugin import PLUGIN as APP_STORE
from guildbank_googleplay.plugin import PLUGIN as GOOGLE_PLAY
from guildbank_paypal.plugin import PayPalProvider
from guildbank_sandbox.plugin import PLUGIN as SANDBOX
from guildbank_steampay.plugin import PLUGIN as STEAM_WALLET
from guildbank_stripe.plugin import StripeProvider
from guildbank_transfer.plugin import PLUGIN as BANK_TRANSFER
from guildbank_voucher.codes import new_secret
from guildbank_voucher.plugin import PLUGIN as VOUCHER

HOOK = "http://127.0.0.1:9/hook"
AWAY = "http://127.0.0.1:9"
STRIPE, PAYPAL = StripeProvider(timeout_seconds=2), PayPalProvider(timeout_seconds=2)
ALL: tuple[PaymentProvider, ...] = (
    STRIPE, PAYPAL, APP_STORE, GOOGLE_PLAY, STEAM_WALLET, BANK_TRANSFER, VOUCHER, SANDBOX,
)  # fmt: skip
Settings = Mapping[str, Any]
OTHERS: Mapping[str, Settings] = {
    "stripe": {},
    "paypal": {},
    "app_store": {"app_apple_id": 7, "bundle_id": "example.other"},
    "google_play": {"package_name": "example.other"},
    "steam_wallet": {"app_id": "7"},
    "bank_transfer": {"iban": "GB82 WEST 1234 5698 7654 32"},
    "voucher": {"mode": "by_hand"},
    "sandbox": {},
}  # fmt: skip
OPENED: Mapping[str, Callable[[LabServer, str], Settings]] = {
    "stripe": lambda lab, _: lab.open_stripe(HOOK),
    "paypal": lambda lab, _: lab.open_paypal(HOOK),
    "app_store": lambda lab, pack: lab.open_apple(None, [{"pack": pack, "product": "chest"}]),
    "google_play": lambda lab, pack: lab.open_google(None, [{"pack": pack, "product": "chest"}]),
    "steam_wallet": lambda lab, _: lab.open_steam(),
    "bank_transfer": lambda *_: {"holder": "Ember Isle", "iban": "DE89370400440532013000"},
    "voucher": lambda *_: {"secrets": new_secret()},
    "sandbox": lambda *_: {
        "base_url": AWAY, "api_key": "sandbox-12345678", "webhook_secret": "whsec-12345678",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture
async def shop(house: House) -> AsyncIterator[Shop]:
    shop = await open_shop(house, plugins=tuple((one.manifest.id, one) for one in ALL))
    yield shop
    await shop.payments.close()


async def save(shop: Shop, provider: str, settings: Settings) -> ProviderView | Refusal:
    return await configure_provider(
        shop.payments, shop.tenant, provider, settings, enabled=True, principal="app_cfo"
    )


async def opened(shop: Shop, lab: LabServer, provider: str) -> dict[str, Any]:
    """Open an account there, and buy by it: however that ends, it was used."""
    settings = dict(await asyncio.to_thread(OPENED[provider], lab, shop.pack))
    made = await save(shop, provider, settings)
    assert isinstance(made, ProviderView), made
    assert not made.fixed
    await shop.buy(await shop.player(), provider=provider)
    assert (await shown(shop, provider)).fixed
    return settings


async def shown(shop: Shop, provider: str) -> ProviderView:
    view = await get_provider(shop.payments, shop.tenant, provider)
    assert not isinstance(view, Refusal)
    return view


async def refused(shop: Shop, provider: str, settings: Settings) -> tuple[str, str | None]:
    done = await save(shop, provider, settings)
    assert isinstance(done, Refusal), done
    return done.code, done.field


def test_each_shipped_provider_says_whose_account_it_is() -> None:
    for one in ALL:
        manifest = one.manifest
        assert manifest.account_settings == OTHERS[manifest.id].keys()
        # Of a company that says itself whose account it is nobody else has to.
        told = manifest.account_settings or "merchant" in manifest.capabilities
        assert told or manifest.sandbox


@pytest.mark.parametrize("provider", sorted(OTHERS))
async def test_an_account_that_was_used_stays_that_one(
    shop: Shop, lab: LabServer, provider: str
) -> None:
    settings = await opened(shop, lab, provider)
    for name, other in OTHERS[provider].items():
        assert await refused(shop, provider, {**settings, name: other}) == (
            "account_fixed", f"settings.{name}",
        )  # fmt: skip
    again = await save(shop, provider, settings)
    assert isinstance(again, ProviderView), again


async def test_stripe_takes_another_key_of_its_account_and_refunds_by_it(
    shop: Shop, lab: LabServer
) -> None:
    settings = await opened(shop, lab, "stripe")
    intent = await shop.buy(await shop.player(), provider="stripe", method="pm_card_visa")
    assert await shop.state(intent) == "credited"
    (account,) = (await shown(shop, "stripe")).merchant
    elsewhere = await asyncio.to_thread(lab.open_stripe, HOOK)
    assert await refused(shop, "stripe", elsewhere) == ("account_fixed", "settings.secret_key")
    unknown = {**settings, "secret_key": f"sk_test_{secrets.token_hex(12)}"}
    assert await refused(shop, "stripe", unknown) == ("merchant_unknown", "settings.secret_key")
    rotated = await asyncio.to_thread(
        lambda: lab.do(
            "/lab/stripe/accounts", **keys_of(unknown), webhook_url=HOOK, account=account
        )
    )
    done = await save(shop, "stripe", rotated)
    assert isinstance(done, ProviderView), done
    assert done.merchant == (account,)
    assert (await shop.refunded(intent)).state == "succeeded"


def keys_of(settings: Settings) -> dict[str, Any]:
    return {name: settings[name] for name in ("secret_key", "webhook_secret")}


async def test_stripe_s_restricted_key_that_may_not_say_whose_it_is_says_so() -> None:
    settings = {"secret_key": "rk_test_12345678", "webhook_secret": "whsec_12345678"}
    denied = Hostile(HttpAnswer(status=403, headers={}, body=b'{"error": {"message": "no"}}'))
    context = Context(
        tenant="demo", mode="test", settings=settings, now=datetime.now(UTC), webhook_url=HOOK,
        http=denied,
    )  # fmt: skip
    with pytest.raises(PermissionError, match="give it that permission"):
        await STRIPE.merchant(context)
    assert denied.asked == ["https://api.stripe.com/v1/account"]


async def paypal_app(lab: LabServer, **app: object) -> dict[str, Any]:
    new = {"client_id": secrets.token_hex(16), "client_secret": secrets.token_hex(32)}
    body = {**new, "webhook_url": HOOK, **app}
    return await asyncio.to_thread(lambda: lab.do("/lab/paypal/accounts", **body))


async def test_paypal_takes_another_secret_and_another_app_of_its_account(
    shop: Shop, lab: LabServer
) -> None:
    settings = await opened(shop, lab, "paypal")
    account, app = (await shown(shop, "paypal")).merchant
    assert app == f"client {settings['client_id']}"
    fresh = await paypal_app(lab, client_id=settings["client_id"])
    assert isinstance(await save(shop, "paypal", fresh), ProviderView)
    second = await paypal_app(lab, payer_id=account.removeprefix("account "))
    done = await save(shop, "paypal", second)
    assert isinstance(done, ProviderView), done
    assert done.merchant == (account, f"client {second['client_id']}")
    other = await paypal_app(lab)
    assert await refused(shop, "paypal", other) == ("account_fixed", "settings.client_secret")
    wrong = {**second, "client_secret": secrets.token_hex(32)}
    assert await refused(shop, "paypal", wrong) == ("merchant_unknown", "settings.client_secret")


async def test_a_paypal_app_that_may_not_know_whose_it_is_changes_its_secret_alone(
    shop: Shop, lab: LabServer
) -> None:
    """Where nothing else is known of the account, it is that of its app."""
    quiet = await paypal_app(lab, tells_payer=False)
    assert isinstance(await save(shop, "paypal", quiet), ProviderView)
    await shop.buy(await shop.player(), provider="paypal")
    fresh = await paypal_app(lab, client_id=quiet["client_id"], tells_payer=False)
    assert isinstance(await save(shop, "paypal", fresh), ProviderView)
    assert (await shown(shop, "paypal")).merchant == (f"client {quiet['client_id']}",)
    other = await paypal_app(lab, tells_payer=False)
    assert await refused(shop, "paypal", other) == ("account_fixed", "settings.client_secret")
