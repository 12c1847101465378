"""Who sees and removes saved cards, what the record says of it, and what an erasure leaves."""

from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest
from tests.lives.people import SCRIPT, buy, pack, register
from tests.lives.test_privacy import download, traces
from tests.payments.shop import SECRET
from tests.staff import hired
from tests.studio import City, Studio, done, refused

from guildbank.identity import mint_player_token
from guildbank.kernel import Refusal, new_id
from guildbank.payments.usecases.mind_methods import mind_methods
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.plugin_api import Context, CustomerRequest, EventKind, NoAnswer, ProviderEvent


class Holder:
    """A player with a saved card, and what is asked about it."""

    def __init__(self, studio: Studio, player: str, card: dict[str, Any]) -> None:
        self.studio = studio
        self.player = player
        self.card = card
        self.path = f"/v1/players/{player}/payment-methods"

    async def remove(self, http: httpx.AsyncClient) -> httpx.Response:
        answer = await http.delete(f"{self.path}/{self.card['id']}")
        await self.studio.city.services.payments.drain()
        return answer

    async def listed(self) -> list[dict[str, Any]]:
        return list(done(await self.studio.http.get(self.path))["items"])


@pytest.fixture
async def holder(studio: Studio, public: httpx.AsyncClient) -> Holder:
    player, _ = await register(public)
    done(await buy(studio, player, await pack(studio), saveMethod=True))
    await studio.city.services.payments.drain()
    (card,) = done(await studio.http.get(f"/v1/players/{player}/payment-methods"))["items"]
    return Holder(studio, player, card)


async def test_an_operator_s_removal_needs_the_permission_and_stands_in_the_record(
    city: City, studio: Studio, holder: Holder
) -> None:
    page = city.client(**{"x-guildbank-key": await city.key(studio.ref, kind="publishable")})
    fred = await hired(city.services.identity, page, studio.ref, "finance")
    page = city.client(**{"x-guildbank-key": await city.key(studio.ref, kind="publishable")})
    sam = await hired(city.services.identity, page, studio.ref, "support", name="sam")
    assert done(await fred.http.get(holder.path))["items"] == [holder.card]
    assert refused(await holder.remove(fred.http)) == (403, "forbidden")
    assert (await holder.remove(sam.http)).status_code == 204
    assert await holder.listed() == []
    kept = await studio.sql(
        "SELECT audit.principal FROM journal_audit AS audit "
        "JOIN journal_entry AS entry USING (seq) WHERE entry.kind = $1",
        "payments.method_removed",
    )
    assert [row[0] for row in kept] == [sam.id]


async def test_a_machine_needs_the_scope_and_names_the_rightful_player(
    city: City, studio: Studio, holder: Holder
) -> None:
    reads = await city.key(studio.ref, "payment-methods:read")
    async with city.client(reads) as reader:
        assert done(await reader.get(holder.path))["items"] == [holder.card]
        assert refused(await holder.remove(reader)) == (403, "forbidden")
    other = Holder(studio, await studio.player("other"), holder.card)
    assert refused(await other.remove(studio.http)) == (404, "not_found")
    assert await holder.listed() == [holder.card]


async def test_another_player_finds_neither_the_list_nor_the_card(
    city: City, studio: Studio, holder: Holder
) -> None:
    thief = await studio.player("thief")
    minted = await mint_player_token(city.services.identity, studio.ref, thief)
    assert not isinstance(minted, Refusal)
    async with city.client(minted.token) as http:
        assert refused(await http.get(holder.path)) == (404, "not_found")
        assert refused(await holder.remove(http)) == (404, "not_found")
        mine = Holder(studio, thief, holder.card)
        assert refused(await mine.remove(http)) == (404, "not_found")
    assert await holder.listed() == [holder.card]


async def test_a_saved_card_is_handed_out_and_forgotten_with_its_person(
    city: City, studio: Studio, holder: Holder
) -> None:
    payments, path = city.services.payments, f"/v1/players/{holder.player}"
    files = await download(studio.http, f"{path}/exports", city.services.identity)
    (told,) = files["payments_method.json"]
    assert (told["id"], told["sealed"]["last_four"]) == (holder.card["id"], "4242")
    reference = told["sealed"]["reference"]
    SCRIPT.is_silent = True
    assert (await studio.http.post(f"{path}/erase")).status_code == 200
    await mind_methods(payments, studio.ref)
    assert refused(await studio.http.get(holder.path)) == (404, "not_found")
    assert SCRIPT.forgotten == []
    SCRIPT.is_silent = False
    await studio.sql("UPDATE payments_look SET next_at = now()")
    await mind_methods(payments, studio.ref)
    assert SCRIPT.forgotten == [holder.player]
    assert reference not in SCRIPT.kept
    # What the provider writes of it afterwards, with a name and an address, is not kept either.
    event = ProviderEvent(
        external_id=new_id("evt"), kind=EventKind.METHOD_CHANGED, method_reference=reference
    )
    body = msgspec.json.encode({**msgspec.to_builtins(event), "name": "Ada Buyer"})
    assert await receive_webhook(payments, studio.ref.slug, "scripted", {"x-sign": SECRET}, body)
    await payments.drain()
    assert await traces(studio, "Ada Buyer") == []
    (row,) = await studio.sql("SELECT state, sealed, twin FROM payments_method")
    assert tuple(row) == ("removed", None, None)
    (customer,) = await studio.sql("SELECT state, sealed FROM payments_customer")
    assert tuple(customer) == ("forgotten", None)


async def test_what_a_provider_is_asked_to_forget_is_kept_without_a_word_of_whom(
    city: City, studio: Studio, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments, forgets = city.services.payments, SCRIPT.forget_customer

    async def asks(context: Context, request: CustomerRequest) -> None:
        with suppress(NoAnswer):
            await context.http.send("DELETE", f"http://127.0.0.1:9/customers/{request.reference}")
        await forgets(context, request)

    monkeypatch.setattr(SCRIPT, "forget_customer", asks)
    assert (await studio.http.post(f"/v1/players/{holder.player}/erase")).status_code == 200
    await mind_methods(payments, studio.ref)
    await payments.drain()
    (customer,) = await studio.sql("SELECT id FROM payments_customer")
    answer = await studio.http.get("/v1/exchanges", params={"about": customer[0]})
    (asked,) = done(answer)["items"]
    assert (asked["of"], asked["method"], asked["path"]) == ("scripted", "DELETE", "")
    assert (asked["asked"], asked["answered"]) == ({}, {})
