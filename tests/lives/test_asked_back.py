"""Players ask for their own money back by their own token; their words are theirs alone."""

from typing import Any

import httpx
import pytest
from tests.lives.people import buy, pack, register, sign_in, suspend
from tests.lives.test_privacy import download, traces
from tests.staff import Person, hired
from tests.studio import City, Studio, done, refused

WORDS = "my little brother had the phone\nand the code"


class Guest:
    """A player with a payment of 4.99 EUR and a token."""

    def __init__(self, id_: str, http: httpx.AsyncClient, payment: str) -> None:
        self.id = id_
        self.http = http
        self.payment = payment

    async def ask(self, key: str = "ask", **more: Any) -> httpx.Response:
        body = {"reason": "bought_by_another", "text": WORDS, **more}
        path = f"/v1/payments/{more.pop('of', self.payment)}/refund-requests"
        body.pop("of", None)
        return await self.http.post(path, json=body, headers={"idempotency-key": key})


async def guest_of(city: City, studio: Studio, public: httpx.AsyncClient, **known: Any) -> Guest:
    player, body = await register(public, **known)
    bought = done(await buy(studio, player, await pack(studio)))
    token = done(await sign_in(public, body))["token"]
    return Guest(player, city.client(token), bought["id"])


@pytest.fixture
async def fred(city: City, studio: Studio, public: httpx.AsyncClient) -> Person:
    """Somebody in finance."""
    page = city.client(**{"x-guildbank-key": await city.key(studio.ref, kind="publishable")})
    return await hired(city.services.identity, page, studio.ref, "finance")


async def decide(who: Person, request: dict[str, Any], **body: Any) -> httpx.Response:
    path = f"/v1/refund-requests/{request['id']}/decision"
    said = {"reason": "looked into it", **body}
    return await who.http.post(path, json=said, headers={"idempotency-key": f"{request['id']}"})


async def mails(studio: Studio, template: str) -> list[str]:
    """Return the texts of the mails by a template, as the test tenant's mailbox has them."""
    listed = done(await studio.http.get("/v1/mailbox"))["items"]
    wanted = [one["id"] for one in listed if one["template"] == f"payments.{template}"]
    return [done(await studio.http.get(f"/v1/mailbox/{one}"))["text"] for one in wanted]


async def test_a_player_asks_follows_and_is_told_but_not_by_whom(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    ann = await guest_of(city, studio, public)
    asked = done(await ann.ask(amount={"amount": "2.00", "currency": "EUR"}))
    assert (asked["state"], asked["text"], asked["refundId"]) == ("open", WORDS, None)
    (listed,) = done(await ann.http.get("/v1/refund-requests"))["items"]
    assert listed["id"] == asked["id"]
    granted = done(await decide(fred, asked, decision="grant"))
    assert (granted["state"], granted["refundState"]) == ("granted", "succeeded")
    assert (granted["decidedBy"], granted["note"]) == (fred.id, "looked into it")
    mine = done(await ann.http.get(f"/v1/refund-requests/{asked['id']}"))
    assert (mine["state"], mine["refundState"]) == ("granted", "succeeded")
    assert (mine["decidedBy"], mine["note"], mine["because"]) == (None, None, None)
    assert (await studio.wallet(ann.id))["total"] == 300
    assert done(await studio.http.get("/v1/proof"))["ok"]


async def test_the_tenants_people_list_what_waits_page_by_page(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    guests = [await guest_of(city, studio, public) for _ in range(3)]
    asked = [done(await one.ask())["id"] for one in guests]
    done(await decide(fred, {"id": asked[0]}, decision="reject", answer="It is spent."))
    found, after = [], None
    while True:
        query = {"state": "open", "limit": "1", **({"after": after} if after else {})}
        page = done(await studio.http.get("/v1/refund-requests", params=query))
        found += [one["id"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert found == asked[:0:-1]
    of_one = {"playerId": guests[0].id}
    (rejected,) = done(await fred.http.get("/v1/refund-requests", params=of_one))["items"]
    assert (rejected["id"], rejected["state"]) == (asked[0], "rejected")
    assert "text" not in rejected


async def test_nobody_sees_or_asks_for_what_is_anothers(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    ann, bob = [await guest_of(city, studio, public) for _ in range(2)]
    asked = done(await ann.ask())
    assert refused(await bob.ask(of=ann.payment)) == (404, "not_found")
    for path in (f"/v1/refund-requests/{asked['id']}", f"/v1/refund-requests?playerId={ann.id}"):
        assert refused(await bob.http.get(path)) == (404, "not_found")
    withdrawn = await bob.http.post(f"/v1/refund-requests/{asked['id']}/withdraw")
    assert refused(withdrawn) == (404, "not_found")
    assert done(await bob.http.get("/v1/refund-requests"))["items"] == []
    body = {"decision": "grant", "reason": "for myself"}
    path = f"/v1/refund-requests/{asked['id']}/decision"
    for who in (ann.http, studio.http):
        answer = await who.post(path, json=body, headers={"idempotency-key": "self"})
        assert refused(answer) == (403, "forbidden")


async def test_who_is_suspended_asks_for_nothing_and_what_was_asked_is_still_decided(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    ann, bob = [await guest_of(city, studio, public) for _ in range(2)]
    asked = done(await ann.ask())
    for one in (ann, bob):
        await suspend(studio, one.id)
    assert refused(await bob.ask()) == (403, "player_suspended")
    withdrawn = await ann.http.post(f"/v1/refund-requests/{asked['id']}/withdraw")
    assert refused(withdrawn) == (403, "player_suspended")
    assert done(await decide(fred, asked, decision="grant"))["refundState"] == "succeeded"
    assert done(await fred.http.get("/v1/refund-requests"))["items"][0]["state"] == "granted"


async def test_who_asks_too_often_waits(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    ann = await guest_of(city, studio, public)
    answers = [await ann.ask(key=f"ask-{number}") for number in range(22)]
    assert [one.status_code for one in answers[:2]] == [201, 409]
    assert refused(answers[-1]) == (429, "rate_limited")
    assert len(done(await ann.http.get("/v1/refund-requests"))["items"]) == 1


async def test_a_closed_account_asks_for_nothing(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    ann = await guest_of(city, studio, public)
    done(await studio.http.post(f"/v1/players/{ann.id}/close", json={"reason": "asked"}))
    assert refused(await ann.ask()) == (403, "player_closed")


async def test_mails_tell_the_player_in_their_language(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    ann = await guest_of(city, studio, public, email="ann@player.test", locale="en")
    bob = await guest_of(city, studio, public, email="bob@player.test", locale="ru")
    await studio.sql("UPDATE identity_email SET confirmed_at = now()")
    asked = [done(await one.ask()) for one in (ann, bob)]
    done(await decide(fred, asked[0], decision="grant"))
    done(await decide(fred, asked[1], decision="reject", answer="Они потрачены."))
    (granted,) = await mails(studio, "refund_granted")
    assert "4.99 EUR for Chest" in granted
    assert ann.payment in granted
    (rejected,) = await mails(studio, "refund_rejected")
    assert "возвращены не будут" in rejected
    assert "Они потрачены." in rejected
    received = await mails(studio, "refund_asked")
    assert sorted("Просьба получена" in one for one in received) == [False, True]


async def test_nothing_is_written_to_an_address_that_nobody_confirmed(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    ann = await guest_of(city, studio, public, email="nobody@player.test")
    asked = done(await ann.ask())
    done(await decide(fred, asked, decision="grant"))
    assert await mails(studio, "refund_asked") == []
    assert await mails(studio, "refund_granted") == []


async def test_words_are_handed_out_and_forgotten_with_their_person(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    ann = await guest_of(city, studio, public)
    first = done(await ann.ask())
    said = {"answer": "Her brother may not.", "reason": "brother again"}
    done(await decide(fred, first, decision="reject", **said))
    second = done(await ann.ask(key="ask-again"))
    files = await download(studio.http, f"/v1/players/{ann.id}/exports", city.services.identity)
    told = {one["id"]: one for one in files["payments_refund_request.json"]}
    assert told[first["id"]]["sealed_text"] == {"text": WORDS}
    assert told[first["id"]]["sealed_words"] == {
        "answer": "Her brother may not.", "note": "brother again",
    }  # fmt: skip
    held = await studio.http.post(f"/v1/players/{ann.id}/erase")
    assert refused(held) == (409, "erasure_held")
    assert "refund_requested" in held.text
    done(await ann.http.post(f"/v1/refund-requests/{second['id']}/withdraw"))
    assert (await studio.http.post(f"/v1/players/{ann.id}/erase")).status_code == 200
    assert await traces(studio, "brother") == []
    left = done(await fred.http.get(f"/v1/refund-requests/{first['id']}"))
    assert (left["state"], left["text"], left["answer"], left["note"]) == (
        "rejected", None, None, None,
    )  # fmt: skip
    again = done(await decide(fred, first, decision="reject", **said))
    assert again["id"] == first["id"]


async def test_both_ends_are_events_and_stand_in_the_timeline(
    city: City, studio: Studio, public: httpx.AsyncClient, fred: Person
) -> None:
    ann = await guest_of(city, studio, public)
    asked = done(await ann.ask())
    done(await decide(fred, asked, decision="grant"))
    events = done(await studio.http.get("/v1/events", params={"limit": "200"}))["items"]
    told = {one["kind"]: one for one in events if one["data"].get("refundRequest") == asked["id"]}
    assert set(told) == {"payments.refund_requested", "payments.refund_clawed"}
    assert told["payments.refund_requested"]["principal"] == ann.id
    assert told["payments.refund_clawed"]["principal"] == fred.id
    assert not [one for one in told.values() if "brother" in str(one)]
