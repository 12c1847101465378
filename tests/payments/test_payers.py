"""Whose account with a provider pays: named by a machine, or the one a player signed in by."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, MANIFEST, Scripted
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.web import Web

from guildbank.kernel import Refusal, new_id
from guildbank.payments.personal import FORGET_ATTEMPTS, PERSONAL
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import Payer

ISSUER = "https://accounts.example"
_LINK = """
INSERT INTO identity_external (key, id, player_id, provider, issuer, subject, linked_at)
VALUES ($1, $2, $3, 'example', $4, $5, now() + $6 * interval '1 second')
"""


class Counter:
    """A shop with a provider that has to know who pays."""

    def __init__(self, shop: Shop, knowing: Scripted) -> None:
        self.shop = shop
        self.web = Web(shop)
        self.knowing = knowing

    def body(self, **more: object) -> dict[str, object]:
        return {"packId": self.shop.pack, "currency": "EUR", "provider": "knowing", **more}

    async def link(self, player: str, subject: str, after: int = 0, issuer: str = ISSUER) -> None:
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            key, id_ = new_id("x").encode(), new_id("xid")
            await tx.driver.execute(_LINK, key, id_, player, issuer, subject, after)

    @property
    def payer(self) -> Payer | None:
        """Who pays, as the provider was told last."""
        return self.knowing.requests[-1].payer


@pytest.fixture
async def counter(house: House) -> AsyncIterator[Counter]:
    manifest = msgspec.structs.replace(MANIFEST, id="knowing", payer_issuer=ISSUER)
    knowing = Scripted(manifest)
    shop = await open_shop(house, plugins=(("knowing", knowing),))
    made = await configure_provider(
        shop.payments, shop.tenant, "knowing", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    yield Counter(shop, knowing)
    await shop.payments.drain()


def keyed(key: str | None = None) -> dict[str, str]:
    return {"idempotency-key": key or new_id("key")}


async def test_a_player_pays_by_the_account_that_was_linked_last(counter: Counter):
    player = await counter.shop.player()
    await counter.link(player, "other-issuer", issuer="https://elsewhere.example")
    await counter.link(player, "first")
    await counter.link(player, "second", after=5)
    async with await counter.web.player(player) as me:
        bought = await me.post("/v1/payments", json=counter.body(), headers=keyed())
    assert bought.status_code == 201, bought.text
    assert counter.payer == Payer(subject="second", address="127.0.0.1")


async def test_nobody_s_account_is_told_where_the_player_has_none(counter: Counter):
    async with await counter.web.player(await counter.shop.player()) as me:
        await me.post("/v1/payments", json=counter.body(), headers=keyed())
    assert counter.payer == Payer(subject=None, address="127.0.0.1")


async def test_a_player_cannot_let_another_account_be_asked(counter: Counter):
    player = await counter.shop.player()
    async with await counter.web.player(player) as me:
        body = counter.body(payer={"id": "victim"})
        refused = await me.post("/v1/payments", json=body, headers=keyed())
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert counter.knowing.requests == []


async def test_a_player_cannot_name_an_account_in_another_attempt_either(counter: Counter):
    player = await counter.shop.player()
    counter.knowing.on_create = DECLINED
    async with await counter.web.player(player) as me:
        payment = (await me.post("/v1/payments", json=counter.body(), headers=keyed())).json()
        path = f"/v1/payments/{payment['id']}/attempts"
        refused = await me.post(path, json={"payer": {"id": "victim"}}, headers=keyed())
        assert refused.status_code == 403, refused.text
        await me.post(path, json={}, headers=keyed())
    assert len(counter.knowing.requests) == 2
    assert counter.payer == Payer(address="127.0.0.1")


async def test_a_machine_names_who_pays_and_from_where(counter: Counter):
    player = await counter.shop.player()
    await counter.link(player, "linked")
    body = counter.body(playerId=player, payer={"id": "named"}, address="203.0.113.7")
    async with await counter.web.machine() as server:
        bought = await server.post("/v1/payments", json=body, headers=keyed())
        assert bought.status_code == 201, bought.text
        assert counter.payer == Payer(subject="named", address="203.0.113.7")
        del body["payer"], body["address"]
        await server.post("/v1/payments", json=body, headers=keyed())
        # Where the machine stands says nothing of the player.
        assert counter.payer == Payer(subject="linked")


@pytest.mark.parametrize("address", ["localhost", "203.0.113.999", "1.2.3.4/8"])
async def test_what_is_no_address_is_refused(counter: Counter, address: str):
    body = counter.body(playerId=await counter.shop.player(), address=address)
    async with await counter.web.machine() as server:
        refused = await server.post("/v1/payments", json=body, headers=keyed())
    assert (refused.status_code, refused.json()["field"]) == (422, "address")
    assert counter.knowing.requests == []


async def test_the_same_key_from_another_network_is_the_same_purchase(counter: Counter):
    player = await counter.shop.player()
    async with await counter.web.machine() as server:
        body = counter.body(playerId=player, payer={"id": "named"})
        first = await server.post("/v1/payments", json=body, headers=keyed("one"))
        again = await server.post("/v1/payments", json=body, headers=keyed("one"))
        assert first.json()["id"] == again.json()["id"]
        other = {**body, "payer": {"id": "another"}}
        reused = await server.post("/v1/payments", json=other, headers=keyed("one"))
        assert reused.status_code == 409
    assert len(counter.knowing.requests) == 1


async def test_a_provider_that_need_not_know_is_not_told(counter: Counter):
    player = await counter.shop.player()
    await counter.link(player, "linked")
    body = counter.body(playerId=player, provider="scripted", payer={"id": "named"})
    async with await counter.web.machine() as server:
        bought = await server.post("/v1/payments", json=body, headers=keyed())
    assert bought.status_code == 201, bought.text
    assert counter.shop.script.requests[-1].payer is None


async def test_who_paid_is_told_to_the_person_and_forgotten_with_them(counter: Counter):
    player = await counter.shop.player()
    await counter.link(player, "steam-7656")
    await counter.shop.buy(player, provider="knowing")
    (export,) = (one.known for one in PERSONAL if one.table == "payments_attempt")
    assert export is not None
    async with counter.shop.house.db.begin(counter.shop.tenant.schema) as tx:
        (row,) = await tx.driver.fetch(export, player)
        assert "steam-7656" in row["payer"]
        await tx.driver.execute(FORGET_ATTEMPTS, player)
        kept = await tx.driver.fetchval("SELECT string_agg(request, '') FROM payments_attempt")
        assert "steam-7656" not in kept
        entries = await tx.driver.fetch("SELECT data FROM journal_entry")
    assert entries
    assert not any("steam-7656" in row["data"] for row in entries)
