"""A granted request waits for a second person as a refund does, and by the same amounts."""

from typing import Any

import httpx
import pytest
from tests.approvals.office import Office, ask, decide, read, waits
from tests.approvals.test_refunds import bought, city, office, refund, refunds
from tests.studio import done, refused

from guildbank.identity import mint_player_token
from guildbank.kernel import Refusal

__all__ = ["city", "office"]


@pytest.fixture
async def player(office: Office) -> Any:
    minted = await mint_player_token(
        office.city.services.identity, office.studio.ref, office.player
    )
    assert not isinstance(minted, Refusal)
    async with office.city.client(minted.token) as http:
        yield http


async def wish(player: httpx.AsyncClient, payment: str) -> dict[str, Any]:
    answer = await ask(
        player, f"/v1/payments/{payment}/refund-requests", {"reason": "not_received"}
    )
    return done(answer)


async def grant(office: Office, one: dict[str, Any], amount: str, **more: Any) -> httpx.Response:
    body = {
        "decision": "grant", "reason": "never came",
        "amount": {"amount": amount, "currency": "EUR"}, **more,
    }  # fmt: skip
    return await ask(office.olga.http, f"/v1/refund-requests/{one['id']}/decision", body)


async def role(office: Office, name: str, *permissions: str) -> None:
    body = {"name": name, "permissions": list(permissions)}
    done(await office.olga.agreed.post("/v1/roles", json=body))


async def state(office: Office, one: dict[str, Any]) -> tuple[str, str | None]:
    found = done(await office.olga.http.get(f"/v1/refund-requests/{one['id']}"))
    return found["state"], found["refundState"]


async def test_a_grant_above_the_amount_waits_and_the_request_with_it(
    office: Office, player: httpx.AsyncClient
) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 199})
    one = await wish(player, payment)
    asked = waits(await grant(office, one, "2.00"))
    assert asked["verb"] == "payments.refund"
    assert await state(office, one) == ("open", None)
    assert await refunds(office, payment) == []
    await role(office, "seconds", "approvals:write", "refund-requests:decide")
    await role(office, "payers", "approvals:write", "payments:refund")
    assert refused(await decide(await office.person("payers"), asked)) == (403, "forbidden")
    done(await decide(await office.person("seconds"), asked))
    assert await state(office, one) == ("granted", "succeeded")
    (made,) = await refunds(office, payment)
    assert made["reason"] == "never came"


async def test_grants_add_up_with_refunds_of_the_same_day(
    office: Office, player: httpx.AsyncClient
) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 100})
    assert (await refund(office, payment, "0.60")).status_code == 201
    one = await wish(player, payment)
    asked = waits(await grant(office, one, "0.60"))
    done(await decide(office.pavel, asked, "reject", reason="once is enough"))
    assert await state(office, one) == ("open", None)
    assert done(await grant(office, one, "0.40"))["state"] == "granted"


async def test_what_was_withdrawn_meanwhile_cannot_be_agreed_to(
    office: Office, player: httpx.AsyncClient
) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund"})
    one = await wish(player, payment)
    asked = waits(await grant(office, one, "2.00"))
    done(await player.post(f"/v1/refund-requests/{one['id']}/withdraw"))
    assert refused(await decide(office.pavel, asked)) == (409, "refund_request_closed")
    assert (await read(office.olga, asked))["state"] == "pending"
    assert await refunds(office, payment) == []


async def test_deciding_is_a_permission_of_its_own(
    office: Office, player: httpx.AsyncClient
) -> None:
    payment = await bought(office)
    one = await wish(player, payment)
    await role(office, "night-desk", "payments:read", "refund-requests:decide")
    path, body = f"/v1/refund-requests/{one['id']}/decision", {"decision": "grant", "reason": "ok"}
    support = await office.person("support")
    assert refused(await ask(support.http, path, body)) == (403, "forbidden")
    desk = await office.person("night-desk")
    assert refused(await ask(desk.http, f"/v1/payments/{payment}/refunds", {}))[0] == 403
    assert done(await ask(desk.http, path, body))["state"] == "granted"
    (made,) = await refunds(office, payment)
    assert made["state"] == "succeeded"


RULES = {
    "grant": {
        "withinHours": 1, "upTo": [{"amount": "4.99", "currency": "EUR"}], "most": 9, "inDays": 9,
    },
}  # fmt: skip


async def test_where_a_second_person_would_be_asked_rules_grant_nothing(
    office: Office, player: httpx.AsyncClient
) -> None:
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 500})
    saved = done(await office.olga.http.put("/v1/refund-policy", json=RULES))
    assert (saved["version"], saved["savedBy"]) == (1, office.olga.id)
    # What rules give back adds up over the day, as what a person gives back does.
    one, two = [await wish(player, await bought(office)) for _ in range(2)]
    assert (one["state"], one["refundState"]) == ("granted", "succeeded")
    assert two["state"] == "open"
    waits(await grant(office, two, "4.99"))
    assert one["because"] is None
    told = done(await office.olga.http.get(f"/v1/refund-requests/{one['id']}"))
    assert told["because"] == {"policy": 1, "rule": "grant", "hours": 0, "grantedBefore": 0}


async def test_rules_can_wait_for_a_second_person_themselves(
    office: Office, player: httpx.AsyncClient
) -> None:
    await office.policy({"verb": "payments.set_refund_policy"})
    asked = waits(await office.olga.http.put("/v1/refund-policy", json=RULES))
    assert (await wish(player, await bought(office)))["state"] == "open"
    done(await decide(office.pavel, asked))
    assert (await wish(player, await bought(office)))["state"] == "granted"
    shown = done(await office.olga.http.get("/v1/refund-policy"))
    assert (shown["version"], shown["grant"]) == (1, RULES["grant"])
    again = done(await office.olga.http.get("/v1/refund-policy", params={"version": "1"}))
    assert again == shown


async def test_rules_leave_held_coins_to_a_person(
    office: Office, player: httpx.AsyncClient
) -> None:
    done(await office.olga.http.put("/v1/refund-policy", json=RULES))
    payment = await bought(office)
    held = await office.studio.hold(office.player, 1)
    one = await wish(player, payment)
    assert one["state"] == "open"
    assert refused(await grant(office, one, "4.99")) == (422, "refund_exceeds_unspent")
    done(await office.studio.post(f"/v1/holds/{held['holdId']}/release"))
    assert done(await grant(office, one, "4.99"))["state"] == "granted"


async def test_owners_say_what_becomes_of_spent_coins_and_support_does_not(
    office: Office, player: httpx.AsyncClient
) -> None:
    payment = await bought(office)
    await office.studio.spend(office.player, 100)
    one = await wish(player, payment)
    assert refused(await grant(office, one, "4.99")) == (422, "refund_exceeds_unspent")
    body = {"policy": "debt", "providers": {"scripted": "write_off"}}
    support = await office.person("support", "finance")
    assert refused(await support.http.put("/v1/spent-coins/GEM", json=body))[0] == 403
    shown = done(await office.olga.http.put("/v1/spent-coins/GEM", json=body))
    assert shown == {"policy": "refuse", "currencies": [{"currency": "GEM", **body}]}
    assert done(await office.studio.http.get("/v1/spent-coins")) == shown
    assert done(await grant(office, one, "4.99"))["state"] == "granted"
    (made,) = await refunds(office, payment)
    assert (made["owedCoins"], made["writtenOffCoins"]) == (0, 100)
    proof = done(await office.studio.http.get("/v1/proof"))
    assert proof["ok"]
    # The first 100 of 500 coins for 4.99.
    assert [one["writtenOff"] for one in proof["money"]] == ["-0.99"]
