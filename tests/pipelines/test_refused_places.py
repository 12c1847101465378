"""Addresses that lead inside are refused when they are saved, not only when they are called."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from secrets import token_bytes, token_hex
from typing import Any

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.payments.usecases.accounts import get_provider
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.pipelines import Stages, Step, save_revision
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import refused_place
from guildbank_authorise.plugin import PLUGIN as AUTHORISE
from guildbank_oidc.issuer import MANIFEST as OIDC
from guildbank_stripe.plugin import PLUGIN as STRIPE

PLACES = {"inside.example": "10.1.2.3", "metadata.example": "169.254.169.254"}
SECRETS = {
    "secret_key": f"sk_test_{token_hex(12)}", "webhook_secret": f"whsec_{token_hex(12)}",
}  # fmt: skip


async def look_up(host: str, port: int) -> Sequence[str]:
    if host == "nobody.example":
        raise OSError("no such name")
    is_address = host[0].isdigit() or ":" in host
    return (PLACES.get(host, host if is_address else "203.0.114.7"),)


EGRESS = Egress(resolve=look_up)


@pytest.fixture
async def shop(house: House) -> Shop:
    opened = await open_shop(house, plugins=(("stripe", STRIPE), ("authorise", AUTHORISE)))
    opened.payments.egress = opened.payments.pipelines.egress = EGRESS
    return opened


@pytest.mark.parametrize(
    ("manifest", "settings", "field"),
    [
        (AUTHORISE.manifest, {"url": "https://127.0.0.1/ask"}, "url"),
        (AUTHORISE.manifest, {"url": "https://inside.example/ask"}, "url"),
        (AUTHORISE.manifest, {"url": "https://metadata.example/ask"}, "url"),
        (AUTHORISE.manifest, {"url": "http://game.example/ask"}, "url"),
        (AUTHORISE.manifest, {"url": "https://[::1]/ask"}, "url"),
        (OIDC, {"issuer": "https://game.example", "endpoint_hosts": ["inside.example"]},
         "endpoint_hosts"),
    ],
    ids=["loopback", "a name", "metadata", "without TLS", "IPv6", "a host in a list"],
)  # fmt: skip
async def test_what_leads_inside_is_refused_by_name(
    manifest: Manifest, settings: Mapping[str, Any], field: str
):
    refused = await refused_place(EGRESS, manifest, settings, "ten")
    assert refused is not None
    assert (refused.code, refused.field) == ("invalid_settings", f"settings.{field}")
    assert "must be called by https" in refused.detail or "may not be called" in refused.detail


@pytest.mark.parametrize("host", ["game.example", "nobody.example"], ids=["outside", "unknown"])
async def test_what_leads_outside_or_nowhere_yet_is_taken(host: str):
    settings = {"url": f"https://{host}/ask"}
    assert await refused_place(EGRESS, AUTHORISE.manifest, settings, "ten") is None


async def test_a_deployment_may_allow_places_inside():
    allowing = Egress(allowed=["inside.example:443"], resolve=look_up)
    manifest = AUTHORISE.manifest
    inside, port = "https://inside.example/ask", "https://inside.example:8443/ask"
    assert await refused_place(allowing, manifest, {"url": inside}, "ten") is None
    assert await refused_place(allowing, manifest, {"url": port}, "ten") is not None


async def test_an_account_that_leads_inside_changes_nothing(shop: Shop):
    settings = {**SECRETS, "api_base": "http://127.0.0.1:9"}
    refused = await configure_provider(shop.payments, shop.tenant, "stripe", settings, enabled=True)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_settings", "settings.api_base")
    known = await get_provider(shop.payments, shop.tenant, "stripe")
    assert isinstance(known, Refusal)
    assert known.code == "unknown_provider"


async def test_a_step_that_leads_inside_is_not_saved(shop: Shop):
    pipelines, asking = shop.payments.pipelines, {"url": "https://inside.example/ask"}
    secrets = {"secret": f"whsec_{b64encode(token_bytes(32)).decode()}"}
    wanted = StepSecrets("packs", "game", "before", "authorise", asking, secrets)
    assert not isinstance(await set_secrets(pipelines, shop.tenant, "app", wanted), Refusal)
    steps = Stages(before=(Step("game", "authorise", asking),))
    refused = await save_revision(pipelines, shop.tenant, "app", "packs", steps)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_pipeline", "stages.before.0.settings.url")
    assert "may not be called" in refused.detail
