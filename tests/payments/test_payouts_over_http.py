"""Payouts as players, game servers and operators call them: gates, two persons, and the bank."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.approvals.office import Office, ask, decide, open_office, waits
from tests.studio import City, done, open_city, refused
from tests.wallets.hooking import NO, PLUGINS, YES, fails, hooked, questions, says

from guildbank.infra.postgres import Cluster
from guildbank.journal import pump
from guildbank.payments.subscribers import EntryIndex
from guildbank.tenancy.usecases.change import change_tenant
from guildbank_transfer.plugin import PLUGIN

IBAN = "DE89 3704 0044 0532 0130 00"
TERMS = {
    "open": True,
    "rate": {"amount": {"amount": "1.00", "currency": "EUR"}, "perCoins": 100},
    "leastCoins": 100,
    "mostCoins": 5_000,
    "disputeWindowDays": 0,
    "buckets": ["free"],
    "reviewAbove": {"amount": "2.00", "currency": "EUR"},
}


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_payouts")
    plugins: list[tuple[str, Any]] = [("bank_transfer", PLUGIN), *PLUGINS]
    async with open_city(url, tmp_path_factory.mktemp("payouts"), plugins) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    """A studio that pays 100 GEM out for a euro, at once, above 2 EUR once somebody agrees."""
    async with open_office(city) as office:
        await settings(office, payout_cooloff_hours=0)
        account = {"holder": "Moonlit GmbH", "iban": IBAN}
        done(
            await office.studio.http.put("/v1/providers/bank_transfer", json={"settings": account})
        )
        done(await office.olga.http.put("/v1/payout-terms/GEM", json=TERMS))
        await office.studio.grant(office.player, 1_000)
        yield office


@pytest.fixture
async def player(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    minted = done(await office.studio.post(f"/v1/players/{office.player}/tokens", {}))
    async with office.city.client(minted["token"]) as http:
        yield http


async def settings(office: Office, **changes: Any) -> None:
    await change_tenant(
        office.city.services.tenancy,
        office.studio.ref.slug,
        lambda before: msgspec.structs.replace(before, **changes),
    )


async def place(office: Office, who: httpx.AsyncClient, **more: Any) -> httpx.Response:
    body = {"provider": "bank_transfer", "details": {"holder": "A. Nderson", "iban": IBAN, **more}}
    return await who.post(f"/v1/players/{office.player}/payout-destinations", json=body)


async def request(
    office: Office, who: httpx.AsyncClient, coins: int = 200, to: str = "", key: str | None = None
) -> httpx.Response:
    to = to or done(await place(office, who))["id"]
    body = {"currency": "GEM", "coins": coins, "destinationId": to}
    return await ask(who, f"/v1/players/{office.player}/payouts", body, key)


async def stands(office: Office, payout: dict[str, Any]) -> dict[str, Any]:
    return done(await office.olga.http.get(f"/v1/payouts/{payout['id']}"))


async def test_a_player_is_paid_by_a_transfer_that_an_operator_sends_and_confirms(
    office: Office, player: httpx.AsyncClient
) -> None:
    assert done(await player.get("/v1/payout-terms"))["items"] == [{"currency": "GEM", **TERMS}]
    payout = done(await request(office, player))
    assert (payout["state"], payout["label"], payout["amount"]) == (
        "pending", "DE.. .... 3000", {"amount": "2.00", "currency": "EUR"},
    )  # fmt: skip
    assert await office.coins() == 800
    olga, path = office.olga.http, f"/v1/payouts/{payout['id']}"
    seen = done(await olga.get(f"{path}/destination"))
    assert seen["details"] == {"holder": "A. Nderson", "iban": IBAN.replace(" ", "")}
    assert await office.kinds("payments.payout_destination_seen")
    assert refused(await player.get(f"{path}/destination"))[0] == 403
    wrong = await ask(olga, f"{path}/confirmation", {"data": {"transactoin": "x"}})
    assert refused(wrong) == (422, "confirmation_refused")
    sent = {"data": {"transaction": "2026-11-28/17"}}
    paid = done(await ask(olga, f"{path}/confirmation", sent, "k"))
    assert (paid["state"], paid["reference"]) == ("paid", "2026-11-28/17")
    assert done(await ask(olga, f"{path}/confirmation", sent, "k")) == paid
    again = await ask(olga, f"{path}/confirmation", sent)
    assert refused(again) == (409, "payout_not_confirmable")
    other = done(await request(office, player))
    used = await ask(olga, f"/v1/payouts/{other['id']}/confirmation", sent)
    assert refused(used) == (409, "transaction_used")
    proof = done(await office.studio.http.get("/v1/proof"))
    (money,) = proof["money"]
    assert (proof["ok"], money["paidOut"], money["payoutInFlight"], money["payoutCost"]) == (
        True, "2.00", "2.00", "4.00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "state"), [({"sent": "no"}, "failed"), ({"returned": "yes"}, "returned")]
)
async def test_what_was_not_sent_or_came_back_is_the_players_again_once(
    office: Office, player: httpx.AsyncClient, words: dict[str, str], state: str
) -> None:
    payout = done(await request(office, player))
    path, olga = f"/v1/payouts/{payout['id']}/confirmation", office.olga.http
    if state == "returned":
        done(await ask(olga, path, {"data": {"transaction": "tx-1"}}))
    assert done(await ask(olga, path, {"data": words}))["state"] == state
    assert refused(await ask(olga, path, {"data": words})) == (409, "payout_not_confirmable")
    assert await office.coins() == 1_000
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_every_payout_is_reviewed_unless_an_amount_or_null_says_otherwise(
    office: Office,
) -> None:
    none = {"amount": "0.00", "currency": "EUR"}
    left_out = {name: one for name, one in TERMS.items() if name != "reviewAbove"}
    path, put = "/v1/payout-terms/GEM", office.olga.http.put
    for body, expected in (
        (left_out, none), ({**TERMS, "reviewAbove": none}, none),
        ({**TERMS, "reviewAbove": None}, None), (TERMS, TERMS["reviewAbove"]),
    ):  # fmt: skip
        (shown,) = done(await put(path, json=body))["items"]
        assert shown["reviewAbove"] == expected
    other = {**TERMS, "reviewAbove": {"amount": "1.00", "currency": "USD"}}
    assert refused(await put(path, json=other)) == (422, "invalid_value")
    assert refused(await office.studio.http.put(path, json=TERMS))[0] == 403


async def test_the_plugin_reads_the_account_and_refuses_a_slip_of_the_pen(
    office: Office, player: httpx.AsyncClient
) -> None:
    said = await place(office, player, iban="DE89 3704 0044 0532 0130 01")
    assert refused(said) == (422, "payout_destination_refused")
    assert "0130" not in said.text
    path = f"/v1/players/{office.player}/payout-destinations"
    kept = done(await place(office, player))
    (listed,) = done(await player.get(path))["items"]
    assert (listed["id"], listed["label"]) == (kept["id"], "DE.. .... 3000")
    for _ in range(2):
        assert (await player.delete(f"{path}/{kept['id']}")).status_code == 204
    assert done(await player.get(path))["items"] == []


async def test_what_a_gate_vetoes_or_cannot_answer_is_not_paid_out(
    office: Office, player: httpx.AsyncClient
) -> None:
    await hooked(office.studio, verb="payout")
    to = done(await place(office, player))["id"]
    says(office.studio, NO)
    assert refused(await request(office, player, to=to, key="k")) == (403, "operation_vetoed")
    says(office.studio, YES)
    payout = done(await request(office, player, to=to, key="k"))
    (seen,) = questions(office.studio)[-1]
    assert (seen.verb, seen.players, dict(seen.amounts)) == (
        "payout", (office.player,), {"GEM": 200},
    )  # fmt: skip
    # A replay is answered as before, whatever the gate says now; a dry run says what it would.
    says(office.studio, NO)
    body = {"stages": {"before": [{"id": "ask", "plugin": "hook"}]}}
    path = "/v1/pipelines/payout/dry-run"
    (tried,) = done(await office.studio.http.post(path, json=body))["operations"]
    assert (tried["id"], tried["after"]["veto"]) == (payout["id"], "vault_full")
    again = questions(office.studio)[-1]
    assert again == (msgspec.structs.replace(seen, reference=""),)
    assert done(await request(office, player, to=to, key="k"))["id"] == payout["id"]
    fails(office.studio)
    assert refused(await request(office, player, to=to)) == (503, "gate_unavailable")
    assert await office.coins() == 800


async def test_above_the_amount_somebody_agrees_or_says_no(
    office: Office, player: httpx.AsyncClient
) -> None:
    to = done(await place(office, player))["id"]
    yes, no = [done(await request(office, player, 201 + 99, to)) for _ in range(2)]
    assert (yes["state"], no["state"]) == ("waiting", "waiting")
    olga = office.olga.http
    listed = done(await olga.get("/v1/payouts?state=waiting"))["items"]
    assert [one["id"] for one in listed] == [no["id"], yes["id"]]
    support = await office.person("support")
    path = f"/v1/payouts/{yes['id']}/approval"
    assert refused(await ask(support.http, path, {})) == (403, "forbidden")
    assert refused(await ask(player, path, {}))[0] == 403
    sent = done(await ask(olga, path, {"reason": "known player"}, "k"))
    assert (sent["state"], sent["decidedBy"], sent["reason"]) == (
        "pending", office.olga.id, "known player",
    )  # fmt: skip
    assert done(await ask(olga, path, {"reason": "known player"}, "k"))["id"] == yes["id"]
    rejected = await ask(olga, f"/v1/payouts/{no['id']}/rejection", {"reason": "cheated"})
    assert done(rejected)["state"] == "rejected"
    assert await office.coins() == 700
    late = await ask(olga, f"/v1/payouts/{no['id']}/approval", {})
    assert refused(late) == (409, "payout_not_waiting")
    own = done(await player.get(f"/v1/payouts/{no['id']}"))
    assert (own["reason"], own["decidedBy"]) == (None, None)


async def test_two_persons_agree_above_the_amount_of_a_rule(
    office: Office, player: httpx.AsyncClient
) -> None:
    rule = {"verb": "payments.approve_payout", "asset": "EUR", "above": 400}
    await office.policy(rule)
    to = done(await place(office, player))["id"]
    small, large = [done(await request(office, player, coins, to)) for coins in (300, 500)]
    olga = office.olga.http
    done(await ask(olga, f"/v1/payouts/{small['id']}/approval", {}))
    asked = waits(await ask(olga, f"/v1/payouts/{large['id']}/approval", {"reason": "won"}))
    assert (await stands(office, large))["state"] == "waiting"
    done(await decide(office.pavel, asked))
    assert (await stands(office, large))["state"] == "pending"


async def test_a_payout_is_canceled_before_it_is_sent_and_by_nobody_else(
    office: Office, player: httpx.AsyncClient
) -> None:
    payout = done(await request(office, player, 300))
    stranger = await office.studio.player()
    minted = done(await office.studio.post(f"/v1/players/{stranger}/tokens", {}))
    async with office.city.client(minted["token"]) as http:
        assert refused(await http.get(f"/v1/payouts/{payout['id']}")) == (404, "not_found")
        cancel = await http.post(f"/v1/payouts/{payout['id']}/cancel")
        assert refused(cancel) == (404, "not_found")
        assert done(await http.get("/v1/payouts"))["items"] == []
        foreign = await request(office, http, to=payout["destinationId"])
        assert refused(foreign) == (404, "not_found")
    for _ in range(2):
        gone = done(await player.post(f"/v1/payouts/{payout['id']}/cancel"))
        assert gone["state"] == "canceled"
    assert await office.coins() == 1_000


async def test_where_the_tenant_says_so_a_player_proves_a_second_factor(
    office: Office, player: httpx.AsyncClient
) -> None:
    to = done(await place(office, player))["id"]
    await settings(office, second_factor_actions=("payout",))
    assert refused(await place(office, player))[1] == "session_required"
    assert refused(await request(office, player, to=to))[1] == "session_required"
    # A game server answers for its players itself.
    assert done(await request(office, office.studio.http, to=to))["state"] == "pending"


async def test_a_suspended_player_is_paid_nothing_even_if_it_waited(
    office: Office, player: httpx.AsyncClient
) -> None:
    payout = done(await request(office, player, 300))
    body = {"reason": "multiple accounts"}
    done(await office.olga.http.post(f"/v1/players/{office.player}/suspend", json=body))
    olga = office.olga.http
    refusal = await ask(olga, f"/v1/payouts/{payout['id']}/approval", {})
    assert refused(refusal)[1] == "player_suspended"
    again = await request(office, office.studio.http, to=payout["destinationId"])
    assert refused(again)[1] == "player_suspended"
    done(await ask(olga, f"/v1/payouts/{payout['id']}/rejection", {"reason": "fraud"}))
    assert await office.coins() == 1_000


async def test_a_person_is_not_erased_while_money_is_under_way_and_their_account_is_forgotten(
    office: Office, player: httpx.AsyncClient
) -> None:
    payout = done(await request(office, player, 100))
    path, body = f"/v1/players/{office.player}", {"data": {"transaction": "tx-9"}}
    barred = await office.olga.http.post(f"{path}/erase")
    assert barred.status_code == 409
    assert "payout_in_flight" in barred.text
    olga = office.olga.http
    done(await ask(olga, f"/v1/payouts/{payout['id']}/confirmation", body))
    await office.studio.spend(office.player, 900)
    done(await olga.post(f"{path}/erase"))
    seen = await stands(office, payout)
    assert (seen["state"], seen["label"], seen["amount"]["amount"]) == ("paid", None, "1.00")
    assert refused(await olga.get(f"/v1/payouts/{payout['id']}/destination")) == (404, "not_found")
    # What comes back after all is booked, though its person is gone.
    back = {"data": {"returned": "yes"}}
    done(await ask(olga, f"/v1/payouts/{payout['id']}/confirmation", back))
    proof = done(await office.studio.http.get("/v1/proof"))
    assert (proof["ok"], proof["money"][0]["paidOut"]) == (True, "0.00")


async def test_decisions_sent_again_after_their_player_was_erased_are_answered_as_before(
    office: Office, player: httpx.AsyncClient
) -> None:
    to = done(await place(office, player))["id"]
    yes, no = [done(await request(office, player, 300, to)) for _ in range(2)]
    olga, known = office.olga.http, {"reason": "known player"}
    agreed, rejected = f"/v1/payouts/{yes['id']}/approval", f"/v1/payouts/{no['id']}/rejection"
    done(await ask(olga, agreed, known, "y"))
    done(await ask(olga, rejected, {"reason": "cheated"}, "n"))
    paid = {"data": {"transaction": "tx-7"}}
    done(await ask(olga, f"/v1/payouts/{yes['id']}/confirmation", paid))
    await office.studio.spend(office.player, 700)
    done(await olga.post(f"/v1/players/{office.player}/erase"))
    again = done(await ask(olga, agreed, known, "y"))
    assert (again["id"], again["state"], again["reason"]) == (yes["id"], "paid", None)
    again = done(await ask(olga, rejected, {"reason": "cheated"}, "n"))
    assert (again["id"], again["state"], again["reason"]) == (no["id"], "rejected", None)
    # A key of before is still no key for something else.
    assert refused(await ask(olga, rejected, {"reason": "cheated"}, "y"))[0] == 409


async def test_the_timeline_tells_every_step(office: Office, player: httpx.AsyncClient) -> None:
    await hooked(office.studio, verb="payout")
    payout = done(await request(office, player))
    services, schema = office.city.services, office.studio.ref.schema
    await pump(services.db, schema, [EntryIndex()])
    path = f"/v1/payouts/{payout['id']}/timeline"
    told = done(await office.olga.http.get(path))
    assert [one["kind"] for one in told["items"]] == [
        "check.passed",
        "payments.payout_requested",
        "payments.payout_sending",
        "payments.payout_pending",
    ]
    assert refused(await player.get(path))[0] == 403
