"""Leads the demo's tenant to the provider lab: five payment companies on this machine."""

import secrets
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from guildbank.app.client import Client, Refused
from guildbank.app.credentials import Credentials, DemoAtLab, DemoKeys
from guildbank.app.demo import PACK

PRODUCT = "guildbank.demo.gems100"
"""What the demo's first pack is called in the stores of Apple and Google."""
GAME = "example.guildbank.demo"


def lead_to_lab(known: Credentials, lab_url: str, listens_at: str) -> Credentials:
    """Open the demo's accounts at the lab where they are not open, and return what is known then.

    `listens_at` is where the lab finds this server. Providers that somebody has led elsewhere stay
    as they are. Safe to repeat. Raises Refused, also when no lab answers.
    """
    if known.demo is None:
        return known
    with Client(lab_url, None) as lab:
        born = str(lab.get("/lab")["born"])
    before = known.lab
    secret = secrets.token_hex(32) if before is None else before.secret
    wanted = DemoAtLab(lab_url, listens_at, born, secret)
    if before == wanted or not _takes_writes(known, known.demo):
        return known
    places = {lab_url} if before is None else {lab_url, before.url}
    with Client(lab_url, None) as lab, Client(known.url, known.demo.secret_key) as tenant:
        # The key finds the pack that the demo has already.
        pack = tenant.post("/v1/packs", PACK, key="demo-pack")["id"]
        hooks = f"{listens_at}/v1/webhooks/{known.demo.tenant}"
        for provider, path, account in _accounts(secret, hooks, pack):
            settings = lab.post(path, account)
            _lead(tenant, provider, settings, places)
    return msgspec.structs.replace(known, lab=wanted)


def _takes_writes(known: Credentials, demo: DemoKeys) -> bool:
    """Say whether the demo's tenant is not suspended, as it is after a restore."""
    with Client(known.url, known.deployment_key) as deployment:
        return bool(deployment.get(f"/v1/tenants/{demo.tenant}")["state"] == "active")


def _accounts(
    secret: str, hooks: str, pack: str
) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Yield each provider, where its account is opened, and for whom: always the same."""

    def word(of: str, length: int) -> str:
        return sha256(f"{of} {secret}".encode()).hexdigest()[:length]

    products = [{"pack": pack, "product": PRODUCT}]
    yield "stripe", "/lab/stripe/accounts", {
        "secret_key": f"sk_test_{word('stripe key', 24)}",
        "webhook_secret": f"whsec_{word('stripe webhooks', 24)}",
        "webhook_url": f"{hooks}/stripe",
    }  # fmt: skip
    yield "paypal", "/lab/paypal/accounts", {
        "client_id": word("paypal client", 32),
        "client_secret": word("paypal secret", 64),
        "webhook_url": f"{hooks}/paypal",
    }  # fmt: skip
    yield "app_store", "/lab/apple/accounts", {
        "bundle_id": GAME, "webhook_url": f"{hooks}/app_store", "products": products,
    }  # fmt: skip
    yield "google_play", "/lab/google/accounts", {
        "package_name": GAME, "webhook_url": f"{hooks}/google_play", "products": products,
    }  # fmt: skip
    yield "steam_wallet", "/lab/steam/accounts", {
        "app_id": "480", "publisher_key": word("steam", 32),
    }  # fmt: skip


def _lead(tenant: Client, provider: str, settings: Mapping[str, Any], places: set[str]) -> None:
    """Set a provider's account, unless somebody has led it elsewhere or switched it off."""
    try:
        there = tenant.get(f"/v1/providers/{provider}")
    except Refused as refused:
        if refused.code != "unknown_provider":
            raise
    else:
        shown = there["settings"]
        ours = shown.get("lab_url", shown.get("api_base")) in places
        if not ours or not there["enabled"]:
            return
    tenant.put(f"/v1/providers/{provider}", {"settings": settings})
