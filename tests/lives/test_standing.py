"""Nothing is started by or for a player who is suspended or closed; what was begun is settled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.ahead import Way, watch
from tests.lives.people import SCRIPT, buy, pack, register, sign_in, suspend
from tests.payments.scripted import processed
from tests.studio import City, Studio, done, leg, refused

from guildbank.identity.usecases.lives.change_state import Suspend, lift_suspensions
from guildbank.journal import Journal, Receipt
from guildbank.kernel import Refusal
from guildbank.ledger.holdings import HOLDINGS, Holdings
from guildbank.plugin_api import Outcome, OutcomeStatus
from guildbank.wallets import BarWallets
from guildbank.wallets.contracts import Grant, Spend
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.spend import SpendAct

BARRED = (403, "player_suspended")


async def test_nothing_is_started_for_a_suspended_player(studio: Studio, player: str) -> None:
    await studio.grant(player, 100)
    of = await pack(studio)
    assert (await suspend(studio, player))["state"] == "suspended"
    before = await studio.entries()
    for verb in ("grant", "spend", "hold"):
        assert refused(await studio.move(verb, player, 1)) == BARRED, verb
    assert refused(await studio.legs(leg("issue", (player, "bonus"), 1))) == BARRED
    assert refused(await studio.legs(leg((player, "free"), "sales", 1))) == BARRED
    assert refused(await buy(studio, player, of)) == BARRED
    assert refused(await studio.http.post(f"/v1/players/{player}/tokens")) == BARRED
    assert await studio.entries() == before
    assert await studio.buckets(player) == {"free": 100}


async def test_a_player_without_any_account_is_barred_in_every_currency(
    studio: Studio, player: str
) -> None:
    await suspend(studio, player)
    assert refused(await studio.move("grant", player, 1)) == BARRED
    await studio.currency("RUBY")
    answer = await studio.move("grant", player, 1, currency="RUBY")
    assert refused(answer) == BARRED


async def test_a_bucket_that_is_opened_later_is_barred_like_the_others(
    studio: Studio, player: str
) -> None:
    spent = await studio.grant(player, 50)
    await studio.spend(player, 50)
    await suspend(studio, player)
    # The claw-back of spent coins opens the account of debts.
    await studio.owe(player, 20)
    marks = await studio.sql("SELECT bucket, barred FROM ledger_account WHERE owner = $1", player)
    assert dict(marks) == {"free": "player_suspended", "debt": "player_suspended"}
    assert refused(await studio.move("grant", player, 1)) == BARRED
    assert spent["balance"] == 50


async def test_what_was_begun_is_settled(studio: Studio, player: str) -> None:
    granted = await studio.grant(player, 100)
    spent = await studio.spend(player, 10)
    captured, released = await studio.hold(player, 20), await studio.hold(player, 30)
    await suspend(studio, player)
    done(await studio.post(f"/v1/holds/{captured['holdId']}/capture", {}))
    done(await studio.post(f"/v1/holds/{released['holdId']}/release"))
    done(await studio.post("/v1/reversals", {"transactionId": spent["transactionId"]}))
    part = {"transactionId": granted["transactionId"], "amount": 5}
    done(await studio.post("/v1/reversals", part))
    assert await studio.buckets(player) == {"free": 75}


async def test_a_purchase_in_flight_is_credited_and_may_be_refunded(
    studio: Studio, player: str
) -> None:
    of = await pack(studio)
    SCRIPT.on_create = Outcome(status=OutcomeStatus.PENDING)
    bought = (await buy(studio, player, of)).json()
    SCRIPT.on_create = None
    await suspend(studio, player)
    attempt = bought["attempts"][0]["id"]
    SCRIPT.stands[attempt] = processed(499, reference=f"pi_{attempt}")
    await studio.sql("UPDATE payments_look SET looked_at = '-infinity', next_at = '-infinity'")
    await studio.sql("UPDATE payments_attempt SET changed_at = now() - interval '1 day'")
    seen = done(await studio.http.get(f"/v1/payments/{bought['id']}"))
    assert seen["state"] == "credited", seen
    assert await studio.buckets(player) == {"paid": 500}
    body = {"reason": "her brother paid"}
    refund = done(await studio.post(f"/v1/payments/{bought['id']}/refunds", body))
    assert (refund["state"], refund["reason"]) == ("succeeded", "her brother paid")
    assert SCRIPT.refund_requests[-1].reason == "her brother paid"
    kept = await studio.sql("SELECT t::text FROM payments_refund AS t")
    assert "brother" not in kept[0][0]
    assert await studio.buckets(player) == {}


async def test_money_for_a_closed_account_is_given_back(studio: Studio, player: str) -> None:
    of = await pack(studio)
    SCRIPT.on_create = Outcome(status=OutcomeStatus.PENDING)
    bought = (await buy(studio, player, of)).json()
    SCRIPT.on_create = None
    done(await studio.http.post(f"/v1/players/{player}/close"))
    attempt = bought["attempts"][0]["id"]
    SCRIPT.stands[attempt] = processed(499, reference=f"pi_{attempt}")
    await studio.sql("UPDATE payments_attempt SET changed_at = now() - interval '1 day'")
    seen = done(await studio.http.get(f"/v1/payments/{bought['id']}"))
    assert [one["state"] for one in seen["refunds"]] == ["succeeded"]
    assert await studio.buckets(player) == {}


async def test_a_reinstated_player_goes_on_and_a_freeze_stays(studio: Studio, player: str) -> None:
    await studio.grant(player, 100)
    await suspend(studio, player)
    freeze = {"currency": "GEM", "reason": "review"}
    done(await studio.post(f"/v1/players/{player}/freeze", freeze))
    back = done(await studio.http.post(f"/v1/players/{player}/reinstate"))
    assert back["state"] == "active"
    assert refused(await studio.move("spend", player, 1)) == (422, "account_frozen")
    done(await studio.post(f"/v1/players/{player}/unfreeze", freeze))
    await studio.spend(player, 1)
    await studio.grant(player, 1)
    again = await studio.http.post(f"/v1/players/{player}/reinstate")
    assert refused(again) == (409, "not_suspended")


async def test_a_closed_account_is_barred_and_support_opens_it_again(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 7)
    for _ in range(2):
        closed = done(await studio.http.post(f"/v1/players/{player}/close"))
        assert closed["state"] == "closed"
    assert refused(await studio.move("spend", player, 1)) == (403, "player_closed")
    path = f"/v1/players/{player}/suspend"
    assert refused(await studio.http.post(path, json={"reason": "x"})) == (403, "player_closed")
    done(await studio.http.post(f"/v1/players/{player}/reinstate"))
    await studio.spend(player, 7)


async def test_why_and_until_when_is_told_to_the_moderators_and_to_no_entry(
    studio: Studio, player: str
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    body = {"reason": "abused Bob", "until": until.isoformat()}
    done(await studio.http.post(f"/v1/players/{player}/suspend", json=body))
    seen = done(await studio.http.get(f"/v1/players/{player}/standing"))
    assert (seen["state"], seen["reason"]) == ("suspended", "abused Bob")
    assert datetime.fromisoformat(seen["until"]) == until
    told = await studio.sql(
        "SELECT data FROM journal_entry WHERE kind = 'identity.player_suspended'"
    )
    assert player in told[0][0]
    assert "Bob" not in told[0][0]
    past = {"reason": "x", "until": "2020-01-01T00:00:00Z"}
    answer = await studio.http.post(f"/v1/players/{player}/suspend", json=past)
    assert (refused(answer), answer.json()["field"]) == ((422, "out_of_range"), "until")


async def test_a_suspension_ends_by_itself_and_not_when_it_was_prolonged(
    city: City, studio: Studio
) -> None:
    short, prolonged = await studio.player(), await studio.player()
    for player in (short, prolonged):
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        body = {"reason": "x", "until": until}
        done(await studio.http.post(f"/v1/players/{player}/suspend", json=body))
    await suspend(studio, prolonged)
    await studio.sql(
        "UPDATE identity_standing SET until = now() - interval '1 s' WHERE player_id = $1", short
    )
    await lift_suspensions(city.services.identity)
    states = [
        done(await studio.http.get(f"/v1/players/{one}"))["state"] for one in (short, prolonged)
    ]
    assert states == ["active", "suspended"]


async def test_sessions_end_at_once_and_stay_ended(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    player, body = await register(public)
    tokens = done(await sign_in(public, body))
    minted = done(await studio.http.post(f"/v1/players/{player}/tokens"))
    clients = [city.client(tokens["token"]), city.client(minted["token"])]
    for client in clients:
        done(await client.get("/v1/profile"))
    await suspend(studio, player)
    for client in clients:
        assert refused(await client.get("/v1/profile")) == BARRED
    assert refused(await sign_in(public, body)) == BARRED
    refresh = {"refreshToken": tokens["refreshToken"]}
    answer = await public.post("/v1/sessions/refresh", json=refresh)
    assert refused(answer) == (401, "session_ended")
    done(await studio.http.post(f"/v1/players/{player}/reinstate"))
    assert refused(await clients[0].get("/v1/profile")) == (401, "session_ended")
    done(await sign_in(public, body))
    for client in clients:
        await client.aclose()


async def test_players_close_their_own_account_when_they_have_just_signed_in(
    city: City, public: httpx.AsyncClient
) -> None:
    _, body = await register(public)
    tokens = done(await sign_in(public, body))
    async with city.client(tokens["token"]) as own:
        assert done(await own.post("/v1/account/close"))["state"] == "closed"
        assert refused(await own.get("/v1/profile"))[0] in (401, 403)
    assert refused(await sign_in(public, body)) == (403, "player_closed")


async def test_no_spend_is_accepted_once_the_suspension_is_answered(
    city: City, studio: Studio, player: str
) -> None:
    await studio.grant(player, 10_000)
    accepted: list[int] = []

    async def spend_on() -> None:
        while True:
            answer = await studio.move("spend", player, 1)
            if answer.status_code != 200 and answer.status_code != 201:
                assert refused(answer) == BARRED
                return
            accepted.append(1)

    spenders = [asyncio.create_task(spend_on()) for _ in range(24)]
    await asyncio.sleep(0.3)
    await suspend(studio, player)
    seq = (
        await studio.sql(
            "SELECT max(seq) FROM journal_entry WHERE kind = 'identity.player_suspended'"
        )
    )[0][0]
    await asyncio.gather(*spenders)
    later = await studio.sql(
        "SELECT count(*) FROM journal_entry WHERE kind = 'wallets.spent' AND seq > $1", seq
    )
    assert later[0][0] == 0
    assert await studio.buckets(player) == {"free": 10_000 - len(accepted)}
    assert len(accepted) > 24


@pytest.mark.parametrize("ahead", [False, True], ids=["under_the_lock", "ahead_of_it"])
async def test_acts_of_the_same_and_of_the_next_batch_are_refused(
    studio: Studio, player: str, ahead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.grant(player, 100)
    unopened = await studio.player()
    bar = [Suspend("app", one, (BarWallets(),)) for one in (player, unopened)]
    spends: list[Any] = [
        SpendAct("app", f"s{number}", Spend(player, "GEM", 1), ()) for number in range(20)
    ]
    grant = GrantAct("app", "g", Grant(unopened, "GEM", 1))
    way = Way(ahead=False)
    outcomes = await way.run(studio, [*bar, *spends, grant])
    assert [isinstance(one, Receipt) for one in outcomes[:2]] == [True, True]
    refusals = [one for one in outcomes[2:] if isinstance(one, Refusal)]
    assert {one.code for one in refusals} == {"player_suspended"}
    assert len(refusals) == 21
    behind = Way(ahead=ahead)
    watch(behind, monkeypatch)
    third = await studio.player()
    await studio.grant(third, 5)
    more = [SpendAct("app", f"t{number}", Spend(third, "GEM", 1), ()) for number in range(20)]
    found = await behind.run(studio, more, before=Suspend("app", third, (BarWallets(),)))
    assert {one.code for one in found if isinstance(one, Refusal)} == {"player_suspended"}
    assert len(found) == 20
    if ahead:
        assert behind.used == [True], "the batch was not decided ahead: the test proves nothing"


async def test_a_suspension_that_is_cut_off_has_happened_whole_or_not_at_all(
    city: City, studio: Studio, player: str
) -> None:
    await studio.grant(player, 10)

    class Boom(Exception):
        pass

    for point in ("journal_locked", "rows_loaded", "written", "before_commit"):
        cut = [point]

        async def probe(at: str, cut: list[str] = cut) -> None:
            if cut and at == cut[0]:
                cut.clear()
                raise Boom

        journal = Journal(city.services.db, probe=probe)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the caller gets, it did not happen
            await journal.submit(studio.ref.schema, Suspend("app", player, (BarWallets(),)))
        await journal.close()
        assert not cut, point
        assert done(await studio.http.get(f"/v1/players/{player}"))["state"] == "active"
        await studio.spend(player, 1)


async def test_a_suspension_reads_and_marks_no_account_of_the_house(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.grant(player, 10)
    asked: list[Any] = []
    read = HOLDINGS.reading

    def reading(_self: object, keys: Any) -> Any:
        asked.extend(keys)
        return read(keys)

    with monkeypatch.context() as patch:
        patch.setattr(Holdings, "reading", reading)
        await suspend(studio, player)
    assert {owner for owner, _ in asked} == {player}
