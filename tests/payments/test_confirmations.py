"""Money that somebody confirms: transfers by operators, codes by buyers, both over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.approvals.office import Office, ask, decide, open_office, waits
from tests.payments.scripted import MANIFEST, PENDING, Scripted, processed
from tests.studio import City, done, open_city, refused

from guildbank.infra.postgres import Cluster
from guildbank.plugin_api import Confirmation, Context, NextAction, NotConfirmed, Outcome
from guildbank_transfer.plugin import PLUGIN

PACK_PRICE = "4.99"
WAITING = msgspec.structs.replace(PENDING, next_action=NextAction(kind="code"))


class Coded(Scripted):
    """Takes a buyer's word: any code that begins with `good`, which is one transaction."""

    def __init__(self) -> None:
        super().__init__(msgspec.structs.replace(MANIFEST, id="coded", confirmed_by="buyer"))
        self.on_create = WAITING
        self.asked = 0

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        self.asked += 1
        code = given.data.get("code", "")
        if not code.startswith("good"):
            return NotConfirmed(code="wrong_code", detail="There is no such code.", field="code")
        return processed(given.request.amount_minor, given.request.currency, code)


CODED = Coded()


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_confirmations")
    plugins: list[tuple[str, Any]] = [("bank_transfer", PLUGIN), ("coded", CODED)]
    async with open_city(url, tmp_path_factory.mktemp("confirmations"), plugins) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    async with open_office(city) as office:
        http, studio = office.studio.http, office.studio
        account = {"holder": "Moonlit GmbH", "iban": "DE89 3704 0044 0532 0130 00"}
        done(await http.put("/v1/providers/bank_transfer", json={"settings": account}))
        done(await http.put("/v1/providers/coded", json={"settings": {"secret": "shh-quiet"}}))
        price = {"price": {"amount": PACK_PRICE, "currency": "EUR"}}
        pack = {"name": "Chest", "currency": "GEM", "coins": 500, "prices": [price]}
        done(await studio.post("/v1/packs", pack))
        yield office


async def buy(office: Office, provider: str = "bank_transfer") -> dict[str, Any]:
    pack = done(await office.studio.http.get("/v1/packs"))["items"][0]
    order = {
        "packId": pack["id"], "playerId": office.player, "currency": "EUR", "provider": provider,
    }  # fmt: skip
    return done(await office.studio.post("/v1/payments", order))


def came(transaction: str, amount: str = PACK_PRICE, currency: str = "EUR") -> dict[str, Any]:
    return {"data": {"amount": amount, "currency": currency, "transaction": transaction}}


async def confirm(office: Office, payment: dict[str, Any], body: Any, **more: Any) -> Any:
    who = more.pop("who", office.olga.http)
    return await ask(who, f"/v1/payments/{payment['id']}/confirmation", body, **more)


async def state(office: Office, payment: dict[str, Any]) -> str:
    found = done(await office.studio.http.get(f"/v1/payments/{payment['id']}"))
    return str(found["state"])


async def books_agree(office: Office) -> None:
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_a_buyer_is_shown_where_to_pay_and_the_operator_credits_what_came(
    office: Office,
) -> None:
    payment = await buy(office)
    assert payment["state"] == "requires_action"
    shown = payment["nextAction"]["details"]
    assert payment["nextAction"]["kind"] == "bank_transfer"
    assert shown["iban"] == "DE89 3704 0044 0532 0130 00"
    assert (shown["holder"], shown["amount"], shown["currency"]) == ("Moonlit GmbH", "4.99", "EUR")
    assert await state(office, payment) == "requires_action"
    credited = done(await confirm(office, payment, came("tx-1")))
    assert credited["state"] == "credited"
    assert await office.coins() == 500
    await books_agree(office)


async def test_payments_that_await_a_transfer_are_listed_and_found_by_their_reference(
    office: Office,
) -> None:
    payments = [await buy(office) for _ in range(2)]
    done(await confirm(office, payments[0], came("tx-1")))
    await buy(office, "coded")
    http = office.olga.http
    path = "/v1/payments?provider=bank_transfer&state=requires_action"
    assert [one["id"] for one in done(await http.get(path))["items"]] == [payments[1]["id"]]
    reference = payments[1]["attempts"][0]["reference"]
    path = f"/v1/payments?provider=bank_transfer&reference={reference}"
    assert [one["id"] for one in done(await http.get(path))["items"]] == [payments[1]["id"]]


async def test_a_payment_waits_for_the_days_of_the_settings(office: Office) -> None:
    payment = await buy(office)
    until = payment["nextAction"]["details"]["payUntil"]
    assert payment["expiresAt"].startswith(until)
    assert payment["expiresAt"][:10] > payment["createdAt"][:10]


async def test_the_same_key_answers_alike_and_another_command_under_it_is_refused(
    office: Office,
) -> None:
    payment = await buy(office)
    first = done(await confirm(office, payment, came("tx-1"), key="monday"))
    again = done(await confirm(office, payment, came("tx-1"), key="monday"))
    assert again["transactionId"] == first["transactionId"]
    other = await confirm(office, payment, came("tx-2"), key="monday")
    assert refused(other) == (409, "key_reused")
    assert await office.coins() == 500


async def test_a_transaction_of_the_bank_pays_for_one_payment_only(office: Office) -> None:
    first, second = await buy(office), await buy(office)
    answers = await asyncio.gather(
        confirm(office, first, came("tx 9")), confirm(office, second, came("TX  9 "))
    )
    codes = sorted(one.status_code for one in answers)
    assert codes == [200, 409], [one.text for one in answers]
    assert "transaction_used" in "".join(one.text for one in answers)
    assert await office.coins() == 500
    await books_agree(office)


@pytest.mark.parametrize(
    ("amount", "currency"), [("3.00", "EUR"), ("9.00", "EUR"), ("4.99", "USD")]
)
async def test_another_amount_credits_nothing_and_waits_to_be_sent_back(
    office: Office, amount: str, currency: str
) -> None:
    payment = await buy(office)
    conflicted = done(await confirm(office, payment, came("tx-1", amount, currency)))
    assert conflicted["state"] == "conflicted"
    assert "no coins" in conflicted["advice"]
    assert await office.coins() == 0
    path = f"/v1/payments/{payment['id']}/refunds"
    (refund,) = done(await office.olga.http.get(path))["items"]
    assert refund["state"] == "pending"
    assert refund["amount"] == {"amount": amount, "currency": currency}
    sent = {"data": {"transaction": "out-1"}}
    path = f"/v1/refunds/{refund['id']}/confirmation"
    assert done(await ask(office.olga.http, path, sent, "sent"))["state"] == "succeeded"
    assert done(await ask(office.olga.http, path, sent, "sent"))["state"] == "succeeded"
    again = await ask(office.olga.http, path, {"data": {"transaction": "out-2"}})
    assert refused(again) == (409, "refund_not_confirmable")
    await books_agree(office)


async def test_a_second_transfer_for_a_paid_payment_is_refused_with_advice(office: Office) -> None:
    payment = await buy(office)
    done(await confirm(office, payment, came("tx-1")))
    second = await confirm(office, payment, came("tx-2"))
    assert refused(second) == (409, "payment_not_confirmable")
    assert "send it back" in second.text


async def test_money_for_a_canceled_payment_is_booked_and_waits_to_be_sent_back(
    office: Office,
) -> None:
    payment = await buy(office)
    done(await office.studio.post(f"/v1/payments/{payment['id']}/cancel", None))
    late = done(await confirm(office, payment, came("tx-1")))
    assert late["state"] == "canceled"
    assert [one["state"] for one in late["refunds"] or []] == ["pending"]
    assert await office.coins() == 0
    await books_agree(office)


async def test_a_refund_takes_the_coins_at_once_and_gives_them_back_if_nothing_was_sent(
    office: Office,
) -> None:
    payment = await buy(office)
    done(await confirm(office, payment, came("tx-1")))
    refund = done(await ask(office.olga.http, f"/v1/payments/{payment['id']}/refunds", {}))
    assert refund["state"] == "pending"
    assert await office.coins() == 0
    path = f"/v1/refunds/{refund['id']}/confirmation"
    by_key = await ask(office.studio.http, path, {"data": {"sent": "no"}})
    assert refused(by_key) == (403, "forbidden")
    kept = done(await ask(office.olga.http, path, {"data": {"sent": "no"}}))
    assert kept["state"] == "failed"
    assert await office.coins() == 500
    await books_agree(office)


async def test_what_was_asked_and_answered_about_a_refund_that_was_sent_is_kept(
    office: Office,
) -> None:
    payment = await buy(office)
    done(await confirm(office, payment, came("tx-1")))
    refund = done(await ask(office.olga.http, f"/v1/payments/{payment['id']}/refunds", {}))
    path, sent = f"/v1/refunds/{refund['id']}/confirmation", {"data": {"transaction": "out-1"}}
    assert refused(await ask(office.studio.http, path, sent)) == (403, "forbidden")
    done(await ask(office.olga.http, path, sent))
    await office.city.services.payments.drain()
    found = done(await office.studio.http.get(f"/v1/payments/{payment['id']}/exchanges"))["items"]
    calls = [one for one in found if one["path"] == path]
    assert [one["problem"] for one in calls] == ["forbidden", None]
    assert calls[1]["answered"]["state"] == "succeeded"


async def test_nobody_but_an_operator_with_the_right_confirms_a_transfer(office: Office) -> None:
    payment = await buy(office)
    by_key = await confirm(office, payment, came("tx-1"), who=office.studio.http)
    assert refused(by_key) == (403, "forbidden")
    support = await office.person("support")
    assert refused(await confirm(office, payment, came("tx-1"), who=support.http))[0] == 403
    async with await player_of(office) as http:
        assert refused(await confirm(office, payment, came("tx-1"), who=http))[0] == 403
    assert await state(office, payment) == "requires_action"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"amount": "4,99", "currency": "EUR", "transaction": "x"},
        {"amount": "4.99", "currency": "EURO", "transaction": "x"},
        {"amount": "4.99", "currency": "EUR"},
        {"amount": "4.99", "currency": "EUR", "transaction": "x", "transactoin": "y"},
    ],
)
async def test_incomplete_words_change_nothing(office: Office, data: dict[str, str]) -> None:
    payment = await buy(office)
    answer = await confirm(office, payment, {"data": data})
    assert refused(answer) == (422, "confirmation_refused"), answer.text
    assert await state(office, payment) == "requires_action"


async def test_large_sums_wait_for_a_second_person(office: Office) -> None:
    payment = await buy(office)
    await office.policy({"verb": "payments.confirm", "asset": "EUR", "above": 400})
    asked = waits(await confirm(office, payment, came("tx-1")))
    assert asked["amounts"] == [{"asset": "EUR", "amount": 499}]
    assert asked["command"]["data"]["transaction"] == "tx-1"
    assert await state(office, payment) == "requires_action"
    own = await decide(office.olga, asked)
    assert refused(own) == (403, "own_request")
    done(await decide(office.pavel, asked))
    assert await state(office, payment) == "credited"
    assert await office.coins() == 500
    await books_agree(office)


async def test_what_was_agreed_to_is_judged_anew(office: Office) -> None:
    first, second = await buy(office), await buy(office)
    await office.policy({"verb": "payments.confirm", "asset": "EUR", "above": 400})
    one = waits(await confirm(office, first, came("tx-1")))
    other = waits(await confirm(office, second, came("tx-1")))
    done(await decide(office.pavel, one))
    assert refused(await decide(office.pavel, other)) == (409, "transaction_used")
    assert await office.coins() == 500


async def test_the_audit_says_who_confirmed(office: Office) -> None:
    payment = await buy(office)
    done(await confirm(office, payment, came("tx-1")))
    text = "SELECT principal FROM journal_entry WHERE kind = 'payments.credited'"
    assert [row[0] for row in await office.studio.sql(text)] == [office.olga.id]
    text = "SELECT count(*) FROM journal_audit WHERE principal = $1"
    assert (await office.studio.sql(text, office.olga.id))[0][0] >= 1


async def player_of(office: Office) -> Any:
    path = f"/v1/players/{office.player}/tokens"
    token = done(await office.studio.http.post(path))["token"]
    return office.city.client(authorization=f"Bearer {token}")


async def test_a_buyer_pays_with_a_code_and_a_code_pays_once(office: Office) -> None:
    first, second = await buy(office, "coded"), await buy(office, "coded")
    async with await player_of(office) as http:
        wrong = await confirm(office, first, {"data": {"code": "bad"}}, who=http)
        assert refused(wrong) == (422, "confirmation_refused")
        assert await state(office, first) == "requires_action"
        body = {"data": {"code": "good-1"}}
        answers = await asyncio.gather(
            *(confirm(office, one, body, who=http) for one in (first, second))
        )
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert await office.coins() == 500
    operator = await confirm(office, second, {"data": {"code": "good-2"}})
    assert refused(operator) == (403, "forbidden")
    await books_agree(office)


async def test_another_players_payment_is_not_there(office: Office) -> None:
    payment = await buy(office, "coded")
    stranger = await office.studio.player()
    path = f"/v1/players/{stranger}/tokens"
    token = done(await office.studio.http.post(path))["token"]
    async with office.city.client(authorization=f"Bearer {token}") as http:
        answer = await confirm(office, payment, {"data": {"code": "good-3"}}, who=http)
    assert refused(answer) == (404, "not_found")
    assert await state(office, payment) == "requires_action"


async def test_guessing_stops_after_ten_wrong_codes(office: Office) -> None:
    payment = await buy(office, "coded")
    async with await player_of(office) as http:
        for number in range(10):
            wrong = await confirm(office, payment, {"data": {"code": f"bad-{number}"}}, who=http)
            assert refused(wrong) == (422, "confirmation_refused")
        asked = CODED.asked
        answer = await confirm(office, payment, {"data": {"code": "good-4"}}, who=http)
    assert refused(answer) == (429, "too_many_confirmations")
    assert CODED.asked == asked
    assert await state(office, payment) == "requires_action"


async def test_a_game_server_hands_a_code_over_and_the_same_key_answers_alike(
    office: Office,
) -> None:
    payment = await buy(office, "coded")
    body = {"data": {"code": "good-5"}}
    for _ in range(2):
        answer = await confirm(office, payment, body, who=office.studio.http, key="once")
        assert done(answer)["state"] == "credited"
    assert await office.coins() == 500


async def test_an_account_with_wrong_check_digits_is_not_set_up(office: Office) -> None:
    account = {"holder": "Moonlit GmbH", "iban": "DE89 3704 0044 0532 0130 01"}
    answer = await office.studio.http.put("/v1/providers/bank_transfer", json={"settings": account})
    assert refused(answer) == (422, "invalid_settings")
    assert answer.json()["field"] == "settings.iban"
