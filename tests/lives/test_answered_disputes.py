"""Who may answer a dispute, what the record says of it, and what is left of it after an erasure."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.lives.people import SCRIPT, buy, pack
from tests.payments.shop import SECRET
from tests.staff import Person, hired
from tests.studio import City, Studio, done, refused

from guildbank.kernel import new_id
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.plugin_api import DisputeStand, DisputeStatus, EventKind, ProviderEvent

WORDS = "Olga Buyer, 1 Moon Street, had it all."
BODY = {"evidence": {"product_description": WORDS}}


async def told(studio: Studio, payment: dict[str, Any], kind: EventKind, **said: Any) -> None:
    """Deliver what the provider says of the payment's dispute."""
    event = ProviderEvent(
        external_id=new_id("evt"), kind=kind, amount_minor=499, currency="EUR",
        payment_reference=payment["attempts"][0]["reference"],
        dispute_reference=f"dp_{payment['id']}", **said,
    )  # fmt: skip
    payments = studio.city.services.payments
    answer = await receive_webhook(
        payments, studio.ref.slug, "scripted", {"x-sign": SECRET}, msgspec.json.encode(event)
    )
    assert answer is True
    await payments.drain()


@pytest.fixture
async def disputed(studio: Studio, player: str) -> dict[str, Any]:
    """A payment that its buyer disputes, and that can be answered for a week."""
    bought = done(await buy(studio, player, await pack(studio)))
    reference = f"dp_{bought['id']}"
    due = studio.city.services.clock.now() + timedelta(days=7)
    SCRIPT.cases[reference] = DisputeStand(
        reference=reference, status=DisputeStatus.NEEDS_RESPONSE, answer_by=due
    )
    await told(studio, bought, EventKind.DISPUTE_OPENED)
    return dict(done(await studio.http.get(f"/v1/payments/{bought['id']}")))


async def clerk(city: City, studio: Studio, role: str) -> Person:
    page = city.client(**{"x-guildbank-key": await city.key(studio.ref, kind="publishable")})
    return await hired(city.services.identity, page, studio.ref, role)


async def answer(http: httpx.AsyncClient, payment: dict[str, Any]) -> httpx.Response:
    path = f"/v1/disputes/{payment['disputes'][0]['id']}/evidence"
    return await http.post(path, json=BODY, headers={"idempotency-key": "answer"})


async def test_people_with_the_permission_answer_and_nobody_else(
    city: City, studio: Studio, disputed: dict[str, Any]
) -> None:
    fred, sam = await clerk(city, studio, "finance"), await clerk(city, studio, "support")
    assert refused(await answer(sam.http, disputed)) == (403, "forbidden")
    assert refused(await answer(studio.http, disputed)) == (403, "forbidden")
    given = done(await answer(fred.http, disputed))
    assert (given["state"], given["answer"]["state"]) == ("under_review", "submitted")
    assert (given["answer"]["by"], given["answer"]["texts"]) == (fred.id, BODY["evidence"])
    assert done(await answer(fred.http, disputed)) == given
    again = await fred.http.post(
        f"/v1/disputes/{given['id']}/evidence", json=BODY, headers={"idempotency-key": "twice"}
    )
    assert refused(again) == (409, "dispute_answered")
    # Support reads it.
    assert done(await sam.http.get(f"/v1/disputes/{given['id']}")) == given


async def test_the_record_says_who_answered_with_what_kind_of_text(
    city: City, studio: Studio, disputed: dict[str, Any]
) -> None:
    fred = await clerk(city, studio, "finance")
    done(await answer(fred.http, disputed))
    found = done(await studio.http.get("/v1/audit", params={"principal": fred.id}))["items"]
    (entry,) = [one for one in found if one["kind"] == "payments.dispute_answering"]
    assert entry["facts"]["evidence"] == ["product_description"]
    assert WORDS not in str(entry["facts"])


async def test_of_an_erased_buyer_no_evidence_is_left(
    city: City, studio: Studio, player: str, disputed: dict[str, Any]
) -> None:
    fred = await clerk(city, studio, "finance")
    given = done(await answer(fred.http, disputed))
    held = await studio.http.post(f"/v1/players/{player}/erase")
    assert refused(held) == (409, "erasure_held")
    await told(studio, disputed, EventKind.DISPUTE_LOST)
    done(await studio.http.post(f"/v1/players/{player}/erase"))
    left = done(await studio.http.get(f"/v1/disputes/{given['id']}"))
    assert (left["state"], left["answer"]["state"], left["answer"]["texts"]) == (
        "lost", "submitted", {},
    )  # fmt: skip
