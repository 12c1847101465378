"""Vouchers over HTTP: own codes pay exactly and once, foreign ones are looked at by an operator."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.approvals.office import Office, ask, open_office
from tests.studio import City, done, open_city, refused

from guildbank.infra.postgres import Cluster
from guildbank.payments.usecases.hand_in import forget_handed_in
from guildbank_voucher.codes import Value, make, new_secret
from guildbank_voucher.plugin import PLUGIN

SECRET, EARLIER = new_secret(), new_secret()
EURO = {"amount": "4.99", "currency": "EUR"}
OWN: dict[str, Any] = {
    "secrets": f"{SECRET} {EARLIER}",
    "text": "Sold at every kiosk of Moonlit.",
    "batches": [
        {"batch": 1, **EURO, "count": 1000, "revoked_serials": ["13", "20-29"]},
        {"batch": 2, "amount": "10.00", "currency": "EUR", "count": 10},
        {"batch": 3, **EURO, "count": 10, "expires": "2020-12-31"},
        {"batch": 4, **EURO, "count": 10, "revoked": True},
    ],
}
BY_HAND = {"mode": "by_hand", "days": 5}


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_vouchers")
    where = tmp_path_factory.mktemp("vouchers")
    async with open_city(url, where, [("voucher", PLUGIN)]) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    async with open_office(city) as office:
        await settle_on(office, OWN)
        pack = {"name": "Chest", "currency": "GEM", "coins": 500, "prices": [{"price": EURO}]}
        done(await office.studio.post("/v1/packs", pack))
        yield office


async def settle_on(office: Office, settings: dict[str, Any]) -> None:
    done(await office.studio.http.put("/v1/providers/voucher", json={"settings": settings}))


def code_of(office: Office, serial: int, batch: int = 1, minor: int = 499) -> str:
    return make(SECRET, Value(office.studio.ref.slug, minor, "EUR"), batch, serial)


async def buy(office: Office, player: str | None = None) -> dict[str, Any]:
    pack = done(await office.studio.http.get("/v1/packs"))["items"][0]
    order = {
        "packId": pack["id"], "playerId": player or office.player, "currency": "EUR",
        "provider": "voucher",
    }  # fmt: skip
    return done(await office.studio.post("/v1/payments", order))


async def give(office: Office, payment: dict[str, Any], code: str, **more: Any) -> Any:
    """Give a code through the game's server, or as `who`."""
    who = more.pop("who", office.studio.http)
    path = f"/v1/payments/{payment['id']}/confirmation"
    return await ask(who, path, {"data": {"code": code}}, **more)


async def decide(office: Office, payment: dict[str, Any], data: dict[str, str], **more: Any) -> Any:
    who = more.pop("who", office.olga.http)
    return await ask(who, f"/v1/payments/{payment['id']}/confirmation", {"data": data}, **more)


async def state(office: Office, payment: dict[str, Any]) -> str:
    found = done(await office.studio.http.get(f"/v1/payments/{payment['id']}"))
    return str(found["state"])


async def player_of(office: Office, player: str | None = None) -> Any:
    path = f"/v1/players/{player or office.player}/tokens"
    token = done(await office.studio.http.post(path))["token"]
    return office.city.client(authorization=f"Bearer {token}")


def why(answer: Any) -> str:
    assert refused(answer) == (422, "confirmation_refused"), answer.text
    return str(answer.json()["reason"])


async def test_a_buyer_is_told_what_is_asked_for_and_a_code_of_that_worth_credits_it(
    office: Office,
) -> None:
    payment = await buy(office)
    assert payment["state"] == "requires_action"
    shown = payment["nextAction"]
    assert shown["kind"] == "voucher"
    assert (shown["details"]["amount"], shown["details"]["currency"]) == ("4.99", "EUR")
    assert shown["details"]["text"] == OWN["text"]
    async with await player_of(office) as http:
        answer = await give(office, payment, code_of(office, 42).lower(), who=http)
    assert done(answer)["state"] == "credited"
    assert await office.coins() == 500
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_a_code_made_under_the_earlier_secret_is_still_good(office: Office) -> None:
    payment = await buy(office)
    code = make(EARLIER, Value(office.studio.ref.slug, 499, "EUR"), 1, 77)
    assert done(await give(office, payment, code))["state"] == "credited"


@pytest.mark.parametrize(
    ("batch", "serial", "minor", "reason"),
    [
        (2, 1, 1000, "wrong_amount"),
        (3, 1, 499, "expired"),
        (4, 1, 499, "revoked"),
        (1, 13, 499, "revoked"),
        (1, 25, 499, "revoked"),
        (1, 1001, 499, "revoked"),
        (9, 1, 499, "wrong_code"),
        (1, 1, 500, "wrong_code"),
    ],
)
async def test_other_codes_are_refused_with_the_reason_and_nothing_is_used(
    office: Office, batch: int, serial: int, minor: int, reason: str
) -> None:
    payment = await buy(office)
    code = code_of(office, serial, batch, minor)
    answer = await give(office, payment, code)
    assert why(answer) == reason
    assert code not in answer.text
    assert await state(office, payment) == "requires_action"
    assert await office.coins() == 0
    assert done(await give(office, payment, code_of(office, 1)))["state"] == "credited"


async def test_a_slip_is_told_from_a_code_that_never_was(office: Office) -> None:
    payment = await buy(office)
    code = code_of(office, 1)
    slip = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert why(await give(office, payment, slip)) == "mistyped"
    assert why(await give(office, payment, " ")) == "incomplete"


async def test_of_eight_payments_at_once_a_code_pays_for_one(office: Office) -> None:
    payments = [await buy(office) for _ in range(8)]
    code = code_of(office, 42)
    async with await player_of(office) as http:
        answers = await asyncio.gather(*(give(office, one, code, who=http) for one in payments))
    assert sorted(one.status_code for one in answers) == [200, *[409] * 7]
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"transaction_used"}
    assert await office.coins() == 500
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_a_code_stays_used_after_its_payment_was_refunded(office: Office) -> None:
    payment = await buy(office)
    code = code_of(office, 42)
    done(await give(office, payment, code))
    refund = done(await ask(office.olga.http, f"/v1/payments/{payment['id']}/refunds", {}))
    assert refund["state"] == "pending"
    sent = {"data": {"transaction": "kiosk-1"}}
    refund = done(await ask(office.olga.http, f"/v1/refunds/{refund['id']}/confirmation", sent))
    assert refund["state"] == "succeeded"
    assert await office.coins() == 0
    again = await buy(office)
    assert refused(await give(office, again, code)) == (409, "transaction_used")
    assert await office.coins() == 0
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_the_same_key_answers_alike(office: Office) -> None:
    payment = await buy(office)
    for _ in range(2):
        answer = await give(office, payment, code_of(office, 42), key="once")
        assert done(answer)["state"] == "credited"
    assert await office.coins() == 500


async def test_no_operator_confirms_a_code_of_the_shops_own(office: Office) -> None:
    payment = await buy(office)
    answer = await give(office, payment, code_of(office, 42), who=office.olga.http)
    assert why(answer) == "not_by_operators"
    paid = {**EURO, "transaction": "x-1"}
    assert why(await decide(office, payment, paid)) == "not_by_operators"
    assert await state(office, payment) == "requires_action"


async def test_who_guesses_is_stopped_before_a_right_code_is_looked_at_and_nobody_else_is(
    office: Office,
) -> None:
    payment, honest = await buy(office), await office.studio.player()
    guesses = [code_of(office, serial, minor=1) for serial in range(1, 15)]
    async with await player_of(office) as http:
        answers = await asyncio.gather(*(give(office, payment, one, who=http) for one in guesses))
        codes = sorted(refused(one)[1] for one in answers)
        assert codes == ["confirmation_refused"] * 10 + ["too_many_confirmations"] * 4
        stopped = await give(office, payment, code_of(office, 42), who=http)
    assert refused(stopped) == (429, "too_many_confirmations")
    assert int(stopped.headers["retry-after"]) > 600
    assert await state(office, payment) == "requires_action"
    other = await buy(office, honest)
    async with await player_of(office, honest) as http:
        assert done(await give(office, other, code_of(office, 42), who=http))["state"] == "credited"


async def test_right_codes_are_not_counted_as_guesses(office: Office) -> None:
    async with await player_of(office) as http:
        for serial in range(100, 112):
            payment = await buy(office)
            answer = await give(office, payment, code_of(office, serial), who=http)
            assert done(answer)["state"] == "credited"


async def test_a_code_is_kept_nowhere(office: Office) -> None:
    payment, code = await buy(office), code_of(office, 42)
    done(await give(office, payment, code))
    await office.city.services.payments.drain()
    wanted = code.replace("-", "").lower()
    tables = await office.studio.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    for (table,) in tables:
        for row in await office.studio.sql(f'SELECT t::text FROM "{table}" AS t'):
            assert wanted not in row[0].replace("-", "").lower(), table
    found = done(await office.olga.http.get(f"/v1/payments/{payment['id']}/exchanges"))
    assert code not in str(found)


async def hand_in(office: Office, code: str = "KIOSK 4711 0815") -> dict[str, Any]:
    await settle_on(office, BY_HAND)
    payment = await buy(office)
    async with await player_of(office) as http:
        assert done(await give(office, payment, code, who=http))["state"] == "processing"
    return payment


async def test_a_foreign_code_waits_for_an_operator_who_reads_and_takes_it(
    office: Office,
) -> None:
    payment = await hand_in(office)
    path = "/v1/payments?provider=voucher&state=processing"
    assert [one["id"] for one in done(await office.olga.http.get(path))["items"]] == [payment["id"]]
    shown = done(await office.olga.http.get(f"/v1/payments/{payment['id']}/confirmation"))
    assert shown["data"] == {"code": "KIOSK 4711 0815"}
    read = "SELECT principal FROM journal_entry WHERE kind = 'payments.handed_in_read'"
    assert [row[0] for row in await office.studio.sql(read)] == [office.olga.id]
    paid = {**EURO, "transaction": "kiosk-17"}
    assert done(await decide(office, payment, paid))["state"] == "credited"
    assert await office.coins() == 500
    other = await buy(office)
    assert refused(await decide(office, other, paid)) == (409, "transaction_used")


async def test_a_rejected_code_leaves_the_payment_to_be_tried_again(office: Office) -> None:
    payment = await hand_in(office)
    for _ in range(2):
        answer = done(await decide(office, payment, {"accepted": "no"}, key="no"))
        assert answer["state"] == "requires_payment_method"
    text = "SELECT principal FROM journal_entry WHERE kind = 'payments.declined'"
    assert [row[0] for row in await office.studio.sql(text)] == [office.olga.id]
    again = await decide(office, payment, {"accepted": "no"})
    assert refused(again) == (409, "payment_not_confirmable")
    done(
        await office.studio.post(f"/v1/payments/{payment['id']}/attempts", {"provider": "voucher"})
    )
    assert done(await give(office, payment, "KIOSK 9999 0000"))["state"] == "processing"
    shown = done(await office.olga.http.get(f"/v1/payments/{payment['id']}/confirmation"))
    assert shown["data"] == {"code": "KIOSK 9999 0000"}


async def test_a_code_that_is_looked_at_is_not_exchanged_for_another(office: Office) -> None:
    payment = await hand_in(office)
    assert done(await give(office, payment, "KIOSK 4711 0815"))["state"] == "processing"
    other = await give(office, payment, "KIOSK 0000 0000")
    assert refused(other) == (409, "payment_not_confirmable")
    shown = done(await office.olga.http.get(f"/v1/payments/{payment['id']}/confirmation"))
    assert shown["data"] == {"code": "KIOSK 4711 0815"}


async def test_of_two_codes_at_once_one_is_kept(office: Office) -> None:
    await settle_on(office, BY_HAND)
    payment = await buy(office)
    answers = await asyncio.gather(
        *(give(office, payment, f"KIOSK {number:08}") for number in range(2))
    )
    assert sorted(one.status_code for one in answers) == [200, 409]


async def test_what_was_handed_in_is_for_operators_who_confirm_and_not_in_clear(
    office: Office,
) -> None:
    payment = await hand_in(office)
    path = f"/v1/payments/{payment['id']}/confirmation"
    assert refused(await office.studio.http.get(path))[0] == 403
    support = await office.person("support")
    assert refused(await support.http.get(path))[0] == 403
    async with await player_of(office) as http:
        assert refused(await http.get(path))[0] == 403
    (row,) = await office.studio.sql("SELECT sealed FROM payments_handed_in")
    assert b"4711" not in row[0]


async def test_what_was_decided_on_is_shown_no_more_and_forgotten(office: Office) -> None:
    payment = await hand_in(office)
    path = f"/v1/payments/{payment['id']}/confirmation"
    payments = office.city.services.payments
    assert await forget_handed_in(payments, office.studio.ref) == 0
    done(await decide(office, payment, {**EURO, "transaction": "kiosk-17"}))
    assert refused(await office.olga.http.get(path)) == (404, "not_found")
    assert await forget_handed_in(payments, office.studio.ref) == 1
    assert await office.studio.sql("SELECT 1 FROM payments_handed_in") == []


async def test_a_voucher_worth_something_else_credits_nothing_and_waits_to_be_given_back(
    office: Office,
) -> None:
    payment = await hand_in(office)
    paid = {"amount": "10.00", "currency": "EUR", "transaction": "kiosk-17"}
    assert done(await decide(office, payment, paid))["state"] == "conflicted"
    assert await office.coins() == 0
    (refund,) = done(await office.olga.http.get(f"/v1/payments/{payment['id']}/refunds"))["items"]
    assert (refund["state"], refund["amount"]["amount"]) == ("pending", "10.00")
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_a_secret_is_not_shown_and_a_mistyped_one_not_taken(office: Office) -> None:
    shown = done(await office.studio.http.get("/v1/providers"))
    assert SECRET not in str(shown)
    for wrong in ({**OWN, "secrets": "vsec_short"}, {"batches": OWN["batches"][:1] * 2}):
        answer = await office.studio.http.put("/v1/providers/voucher", json={"settings": wrong})
        assert refused(answer) == (422, "invalid_settings")
