"""Players are mailed about payouts and new places for them: in their language, and once each."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.approvals.office import Office, ask, open_office
from tests.lives.people import register
from tests.payments.test_payouts_over_http import IBAN, TERMS, settings
from tests.studio import City, done, open_city, refused

from guildbank.infra.postgres import Cluster
from guildbank_transfer.plugin import PLUGIN

MASKED = "DE.. .... 3000"


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_payout_mails")
    plugins: list[tuple[str, Any]] = [("bank_transfer", PLUGIN)]
    async with open_city(url, tmp_path_factory.mktemp("payout-mails"), plugins) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    async with open_office(city) as office:
        await settings(office, payout_cooloff_hours=0)
        account = {"settings": {"holder": "Moonlit GmbH", "iban": IBAN}}
        done(await office.studio.http.put("/v1/providers/bank_transfer", json=account))
        done(await office.olga.http.put("/v1/payout-terms/GEM", json=TERMS))
        yield office


async def reader(office: Office, locale: str = "en", *, confirmed: bool = True) -> str:
    """Return a player with 1,000 coins and an address."""
    key = await office.city.key(office.studio.ref, kind="publishable")
    async with office.city.client(**{"x-guildbank-key": key}) as public:
        email = f"{office.studio.ref.slug}-{locale}@player.test"
        player, _ = await register(public, email=email, locale=locale)
    if confirmed:
        await office.studio.sql("UPDATE identity_email SET confirmed_at = now()")
    await office.studio.grant(player, 1_000)
    return player


async def place(office: Office, player: str) -> str:
    body = {"provider": "bank_transfer", "details": {"holder": "A. Nderson", "iban": IBAN}}
    http = office.studio.http
    return str(done(await http.post(f"/v1/players/{player}/payout-destinations", json=body))["id"])


async def request(office: Office, player: str, to: str, coins: int, key: str) -> httpx.Response:
    body = {"currency": "GEM", "coins": coins, "destinationId": to}
    return await ask(office.studio.http, f"/v1/players/{player}/payouts", body, key)


async def mails(office: Office) -> list[dict[str, Any]]:
    """Return what was mailed about payouts, the oldest first."""
    http = office.studio.http
    listed = done(await http.get("/v1/mailbox"))["items"]
    wanted = [one["id"] for one in listed if one["template"].startswith("payments.payout_")]
    return [done(await http.get(f"/v1/mailbox/{one}")) for one in reversed(wanted)]


async def kinds(office: Office) -> list[str]:
    return [one["template"].removeprefix("payments.payout_") for one in await mails(office)]


async def test_each_step_that_a_player_is_to_know_is_mailed_once(office: Office) -> None:
    player = await reader(office)
    to = await place(office, player)
    paid = done(await request(office, player, to, 200, "first"))
    assert done(await request(office, player, to, 200, "first"))["id"] == paid["id"]
    path, olga = f"/v1/payouts/{paid['id']}/confirmation", office.olga.http
    for _ in range(2):
        done(await ask(olga, path, {"data": {"transaction": "tx-1"}}, "sent"))
    done(await ask(olga, path, {"data": {"returned": "yes"}}))
    assert refused(await ask(olga, path, {"data": {"returned": "yes"}}))[0] == 409
    told = await mails(office)
    brand = office.studio.ref.slug.capitalize()
    assert [one["subject"] for one in told] == [
        f"A new place for your payouts from {brand}",
        f"A payout from {brand} was asked for",
        f"Your payout from {brand}",
        f"Your payout from {brand} came back",
    ]
    assert all(MASKED in one["text"] for one in told)
    assert all("0532" not in one["text"] for one in told)
    assert "2.00 EUR for 200 GEM" in told[2]["text"]
    assert paid["id"] in told[3]["text"]


async def test_what_failed_and_what_was_rejected_is_mailed_and_what_was_taken_back_is_not(
    office: Office,
) -> None:
    player = await reader(office)
    to = await place(office, player)
    failed = done(await request(office, player, to, 100, "failed"))
    path = f"/v1/payouts/{failed['id']}/confirmation"
    done(await ask(office.olga.http, path, {"data": {"sent": "no"}}))
    rejected = done(await request(office, player, to, 300, "rejected"))
    why = {"reason": "stolen card"}
    done(await ask(office.olga.http, f"/v1/payouts/{rejected['id']}/rejection", why))
    canceled = done(await request(office, player, to, 300, "canceled"))
    done(await office.studio.post(f"/v1/payouts/{canceled['id']}/cancel", {}))
    assert await kinds(office) == [
        "destination_added", "requested", "failed", "requested", "rejected", "requested",
    ]  # fmt: skip
    assert all("stolen card" not in one["text"] for one in await mails(office))


async def test_what_is_refused_is_mailed_to_nobody(office: Office) -> None:
    player = await reader(office)
    to = await place(office, player)
    assert refused(await request(office, player, to, 5_000, "much"))[0] == 422
    body = {"provider": "bank_transfer", "details": {"holder": "A", "iban": "DE00"}}
    path = f"/v1/players/{player}/payout-destinations"
    assert refused(await office.studio.http.post(path, json=body))[0] == 422
    assert await kinds(office) == ["destination_added"]


async def test_a_player_reads_it_in_their_language(office: Office) -> None:
    player = await reader(office, "ru")
    await request(office, player, await place(office, player), 200, "ru")
    added, asked = await mails(office)
    assert added["subject"].startswith("Новый способ получения выплат")
    assert "200 GEM" in asked["text"]
    assert "сообщите" in asked["text"]


async def test_who_has_confirmed_no_address_is_mailed_nothing_and_paid_all_the_same(
    office: Office,
) -> None:
    player = await reader(office, confirmed=False)
    made = done(await request(office, player, await place(office, player), 200, "none"))
    assert made["state"] == "pending"
    assert await mails(office) == []
