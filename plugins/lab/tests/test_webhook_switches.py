"""Webhooks of Stripe, Apple and Google come three times, too late, from a stranger, or never.

PayPal's are in the page on switches, and Steam sends none.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
import pytest
import stripe
from cryptography import x509
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from tests.servers.canned import Asked, Canned
from tests.servers.lab import LabServer


class Company(NamedTuple):
    """What a company tells of again and again, and whether a webhook is believed to be its own."""

    subject: str
    tells: Callable[[], object]
    believed: Callable[[Asked], bool]


def at_stripe(lab: LabServer, hook: str) -> Company:
    account = lab.open_stripe(hook)
    subject = f"att_{secrets.token_hex(8)}"
    pays = {
        "amount": "499", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa",
        "metadata[mine]": subject,
    }  # fmt: skip

    def tells() -> None:
        auth = {"authorization": f"Bearer {account['secret_key']}"}
        url = f"{lab.url}/v1/payment_intents"
        assert httpx.post(url, data=pays, headers=auth, trust_env=False).is_success

    def believed(asked: Asked) -> bool:
        signature = asked.headers["stripe-signature"]
        try:
            stripe.WebhookSignature.verify_header(
                asked.body.decode(), signature, account["webhook_secret"], 300
            )
        except stripe.SignatureVerificationError:
            return False
        return True

    return Company(subject, tells, believed)


def at_apple(lab: LabServer, hook: str) -> Company:
    app, token = lab.open_apple(hook, []), secrets.token_hex(8)

    def tells() -> object:
        return lab.do("/lab/apple/buy", bundle_id=app["bundle_id"], product="gems", token=token)

    def believed(asked: Asked) -> bool:
        head = json.loads(asked.body)["signedPayload"].partition(".")[0]
        named = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["x5c"][-1]
        root = x509.load_der_x509_certificate(base64.b64decode(named))
        return root == x509.load_pem_x509_certificate(app["lab_root"].encode())

    return Company(token, tells, believed)


def at_google(lab: LabServer, hook: str) -> Company:
    app, profile = lab.open_google(hook, []), secrets.token_hex(8)

    def tells() -> object:
        return lab.do(
            "/lab/google/buy", package_name=app["package_name"], product="gems", profile=profile
        )

    def believed(asked: Asked) -> bool:
        keys = KeySet.import_key_set(lab.ask("/oauth2/v3/certs"))  # type: ignore[arg-type]
        try:
            jwt.decode(asked.headers["authorization"].removeprefix("Bearer "), keys)
        except JoseError:
            return False
        return True

    return Company(profile, tells, believed)


COMPANIES = pytest.mark.parametrize(
    "at", [at_stripe, at_apple, at_google], ids=["stripe", "apple", "google"]
)
At = Callable[[LabServer, str], Company]


async def coming(lab: LabServer, at: At, effect: str, then: int = 0) -> tuple[Company, list[Asked]]:
    """Return the company, and what came when it told once by this effect and `then` times well."""

    def do() -> Company:
        company = at(lab, f"{hook.url}/hook")
        lab.turn(company.subject, "webhook", effect)
        for _ in range(1 + then):
            company.tells()
        lab.do("/lab/rest")
        return company

    async with Canned() as hook:
        return await asyncio.to_thread(do), list(hook.asked)


async def believes(company: Company, asked: Asked) -> bool:
    """Whether the company's own verifier takes it."""
    checking: Awaitable[bool] = asyncio.to_thread(company.believed, asked)
    return await checking


@COMPANIES
async def test_a_webhook_comes_three_times(lab: LabServer, at: At) -> None:
    company, came = await coming(lab, at, "duplicate")
    assert len(came) == 3
    assert len({asked.body for asked in came}) == 1
    assert [await believes(company, asked) for asked in came] == [True] * 3


@COMPANIES
async def test_a_webhook_comes_after_the_next(lab: LabServer, at: At) -> None:
    company, came = await coming(lab, at, "reordered", then=1)
    assert len({asked.body for asked in came}) == len(came) == 2
    assert [await believes(company, asked) for asked in came] == [True] * 2
    # The one that was told of first is the last to come.
    straight, other = await coming(lab, at, "unsent", then=1)
    assert len(other) == 1
    assert straight.subject != company.subject


@COMPANIES
async def test_a_stranger_s_webhook_is_not_believed(lab: LabServer, at: At) -> None:
    company, came = await coming(lab, at, "forged", then=1)
    assert sorted([await believes(company, asked) for asked in came]) == [False, True]


@COMPANIES
async def test_a_webhook_never_comes(lab: LabServer, at: At) -> None:
    _, came = await coming(lab, at, "unsent")
    assert came == []
