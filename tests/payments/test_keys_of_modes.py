"""A key that says its mode goes into no tenant of the other one, and nothing changes."""

from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web

from guildbank.kernel import Refusal
from guildbank.payments.usecases.accounts import list_providers
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_stripe.plugin import StripeProvider

WEBHOOKS = "whsec_12345678"


@pytest.fixture
async def shop(house: House) -> Shop:
    return await open_shop(house, plugins=(("stripe", StripeProvider()),))


def settings(key: str) -> dict[str, Any]:
    return {"secret_key": key, "webhook_secret": WEBHOOKS}


@pytest.mark.parametrize(
    "key", ["sk_live_51Abcdefgh", "rk_live_51Abcdefgh"], ids=["secret", "restricted"]
)
async def test_a_test_tenant_takes_no_live_key_and_keeps_the_one_it_has(shop: Shop, key: str):
    web = Web(shop)
    async with await web.machine("providers:write", "payments:read") as server:
        path = "/v1/providers/stripe"
        good = {"settings": settings("sk_test_51Abcdefgh")}
        before = await server.put(path, json=good)
        assert before.status_code == 200, before.text
        for where in ("", "/check-field"):
            body: dict[str, Any] = {"settings": settings(key)}
            if where:
                body |= {"field": "secret_key"}
            call = server.post if where else server.put
            refused = await call(f"{path}{where}", json=body)
            assert refused.status_code == 422, refused.text
            problem = refused.json()
            assert (problem["code"], problem["field"]) == (
                "invalid_settings", "settings.secret_key",
            )  # fmt: skip
            assert "live mode, and this tenant is test" in problem["detail"]
            assert "51Abcdefgh" not in refused.text
        assert (await server.get(path)).json() == before.json()


@pytest.mark.parametrize(
    "key", ["sk_test_51Abcdefgh", "rk_test_51Abcdefgh"], ids=["secret", "restricted"]
)
async def test_a_live_tenant_takes_no_key_for_tests(shop: Shop, key: str) -> None:
    live = msgspec.structs.replace(shop.tenant, mode="live")
    before = await list_providers(shop.payments, live)
    refused = await configure_provider(shop.payments, live, "stripe", settings(key), enabled=True)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_settings", "settings.secret_key")
    assert "test mode, and this tenant is live" in refused.detail
    assert await list_providers(shop.payments, live) == before


@pytest.mark.parametrize(
    "key", ["pk_live_51Abcdefgh", "pk_test_51Abcdefgh"], ids=["of-live", "for-tests"]
)
async def test_a_publishable_key_is_no_secret_key(shop: Shop, key: str) -> None:
    for mode in ("test", "live"):
        tenant = msgspec.structs.replace(shop.tenant, mode=mode)
        refused = await configure_provider(
            shop.payments, tenant, "stripe", settings(key), enabled=True
        )
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.field) == ("invalid_settings", "settings.secret_key")
        assert "51Abcdefgh" not in refused.detail
