"""Gives a new deployment something to play with: a tenant, a currency and a first pack."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from guildbank.app.client import Client, Refused
from guildbank.app.credentials import DEMO_TENANT, Credentials, DemoKeys

CURRENCY = "GEM"
ORDER = ("paid", "bonus", "free")
"""Paid coins go first, so that a spend shows at once which payment stood behind it."""
PACK = {
    "name": "100 gems and 10 on top",
    "currency": CURRENCY,
    "coins": 100,
    "bonusCoins": 10,
    "prices": [{"price": {"amount": "4.99", "currency": "EUR"}}],
}
OPEN_PACK = {
    "name": "Any number of gems",
    "currency": CURRENCY,
    "coins": 20,
    "prices": [{"price": {"amount": "1.00", "currency": "EUR"}}],
    "openAmount": {"minCoins": 20, "maxCoins": 100_000},
}


def make_demo(known: Credentials, url: str, sandbox_url: str | None) -> Credentials:
    """Make what is missing of the demo over HTTP and return the credentials with its keys.

    Safe to repeat after a start that was cut off. Nothing is made while the demo's tenant is
    suspended, as it is after a restore. Raises Refused.
    """
    with Client(url, known.deployment_key) as deployment:
        if not _is_open(deployment):
            return known
        keys = known.demo or _keys(deployment)
    with Client(url, keys.secret_key) as tenant:
        _goods(tenant)
        if sandbox_url is not None and (known.demo is None or known.sandbox_url != sandbox_url):
            _provider(tenant, sandbox_url)
    return Credentials(url, known.deployment_key, keys, sandbox_url, known.lab)


def _is_open(deployment: Client) -> bool:
    """Make the tenant if there is none, and say whether it takes writes."""
    with _unless("slug_taken"):
        deployment.post("/v1/tenants", {"slug": DEMO_TENANT, "name": "Demo", "mode": "test"})
    return bool(deployment.get(f"/v1/tenants/{DEMO_TENANT}")["state"] == "active")


def _keys(deployment: Client) -> DemoKeys:
    # Imported already by whoever made the deployment key, a moment ago.
    from guildbank.app.rooms import tenant_scopes

    secret = deployment.post(
        "/v1/keys", {"tenant": DEMO_TENANT, "name": "Demo game server", "scopes": tenant_scopes()}
    )
    publishable = deployment.post(
        "/v1/keys", {"tenant": DEMO_TENANT, "name": "Demo game client", "kind": "publishable"}
    )
    return DemoKeys(DEMO_TENANT, secret["token"], publishable["token"])


def _goods(tenant: Client) -> None:
    with _unless("currency_exists"):
        tenant.post("/v1/currencies", {"code": CURRENCY, "name": "Gems", "order": ORDER})
    # The keys make a repetition find the packs that are there.
    tenant.post("/v1/packs", PACK, key="demo-pack")
    tenant.post("/v1/packs", OPEN_PACK, key="demo-open-pack")


def _provider(tenant: Client, sandbox_url: str) -> None:
    """Open an account at the sandbox provider and lead the tenant's payments to it."""
    account = {
        "api_key": f"key_{secrets.token_hex(16)}",
        "webhook_secret": f"whsec_{secrets.token_hex(16)}",
    }
    with Client(sandbox_url, None) as sandbox:
        sandbox.post("/v1/accounts", {**account, "name": "Guildbank demo"})
    settings = {"base_url": sandbox_url, **account}
    tenant.put("/v1/providers/sandbox", {"settings": settings})


@contextmanager
def _unless(code: str) -> Iterator[None]:
    """Take it for done when an earlier start did it."""
    try:
        yield
    except Refused as refused:
        if refused.code != code:
            raise
