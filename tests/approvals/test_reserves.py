"""What a command would take is held while it waits, and comes back when it does not happen."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.approvals.office import Office, ask, decide, waits
from tests.studio import GEM, done, leg, refused

from guildbank.approvals.usecases.end import expire

SPEND = {"verb": "wallets.spend"}


async def spend(office: Office, amount: int) -> dict[str, Any]:
    body = {"playerId": office.player, "currency": GEM, "amount": amount}
    return waits(await ask(office.olga.http, "/v1/spends", body))


async def available(office: Office) -> tuple[int, int]:
    wallet = await office.studio.wallet(office.player)
    return wallet["total"], wallet["available"]


async def proven(office: Office) -> None:
    proof = done(await office.studio.http.get("/v1/proof"))
    assert proof["ok"], proof


async def test_a_spend_that_waits_holds_its_coins(office: Office) -> None:
    await office.policy(SPEND)
    await office.studio.grant(office.player, 100)
    asked = await spend(office, 70)
    assert asked["holdId"] is not None
    assert await available(office) == (100, 30)
    hold = done(await office.studio.http.get(f"/v1/holds/{asked['holdId']}"))
    assert (hold["amount"], hold["state"]) == (70, "open")
    await proven(office)
    body = {"playerId": office.player, "currency": GEM, "amount": 31}
    assert refused(await ask(office.olga.http, "/v1/spends", body)) == (422, "insufficient_funds")
    agreed = done(await decide(office.pavel, asked))
    assert agreed["answer"]["balance"] == 30
    assert await available(office) == (30, 30)
    await proven(office)


@pytest.mark.parametrize("end", ["reject", "cancel", "expire"])
async def test_the_coins_come_back_when_it_does_not_happen(office: Office, end: str) -> None:
    await office.policy(SPEND)
    await office.studio.grant(office.player, 100)
    asked = await spend(office, 70)
    if end == "reject":
        done(await decide(office.pavel, asked, "reject", reason="no"))
    elif end == "cancel":
        done(await decide(office.olga, asked, "cancel"))
    else:
        await office.lapse()
        assert await expire(office.city.services.four_eyes, office.studio.ref) == 1
        assert refused(await decide(office.pavel, asked)) == (409, "approval_closed")
    assert await available(office) == (100, 100)
    await proven(office)


@pytest.mark.parametrize("first", ["free", "bonus"])
async def test_what_comes_back_pays_a_debt_in_the_order_of_spending(
    office: Office, first: str
) -> None:
    """Whichever wallet was opened first, and whichever row was written last."""
    studio, player = office.studio, office.player
    gives: dict[str, Callable[[str, int], Awaitable[object]]] = {
        "free": studio.grant, "bonus": studio.bonus,
    }  # fmt: skip
    for bucket in (first, *(gives.keys() - {first})):
        await gives[bucket](player, 10)
    await office.policy(SPEND)
    asked = await spend(office, 20)
    await studio.owe(player, 4)
    done(await decide(office.pavel, asked, "reject", reason="no"))
    assert await studio.buckets(player) == {"free": 6, "bonus": 10}
    await proven(office)


async def test_what_waits_counts_for_a_days_limit_once_it_is_done(office: Office) -> None:
    await office.policy(SPEND)
    await office.studio.grant(office.player, 100)
    asked = await spend(office, 10)
    limit = {"currency": GEM, "perDay": 20}
    done(await office.studio.http.put(f"/v1/players/{office.player}/limits", json=limit))
    first = await office.studio.hold(office.player, 11)
    # It is asked anew when it is to happen, and waits on.
    assert refused(await decide(office.pavel, asked)) == (422, "limit_exceeded")
    done(await office.studio.post(f"/v1/holds/{first['holdId']}/release"))
    done(await decide(office.pavel, asked))
    over = await office.studio.move("hold", office.player, 11)
    assert refused(over) == (422, "limit_exceeded")
    await office.studio.hold(office.player, 10)


async def test_no_game_server_ends_the_hold_of_an_approval(office: Office) -> None:
    await office.policy(SPEND)
    await office.studio.grant(office.player, 100)
    asked = await spend(office, 70)
    for verb, body in (("capture", {}), ("release", None)):
        path = f"/v1/holds/{asked['holdId']}/{verb}"
        assert refused(await ask(office.studio.http, path, body)) == (409, "hold_kept")
    assert await available(office) == (100, 30)


async def test_what_is_too_late_is_not_done_even_before_it_is_swept(office: Office) -> None:
    await office.policy(SPEND)
    await office.studio.grant(office.player, 100)
    asked = await spend(office, 70)
    await office.lapse()
    assert refused(await decide(office.pavel, asked)) == (409, "approval_expired")
    assert await available(office) == (100, 30)


async def test_undoing_a_grant_holds_the_coins_that_it_would_take(office: Office) -> None:
    granted = await office.studio.grant(office.player, 100)
    await office.policy({"verb": "wallets.reverse"})
    body = {"transactionId": granted["transactionId"], "amount": 60}
    asked = waits(await ask(office.olga.http, "/v1/reversals", body))
    assert asked["amounts"] == [{"asset": GEM, "amount": 60}]
    assert await available(office) == (100, 40)
    agreed = done(await decide(office.pavel, asked))
    assert agreed["answer"]["amount"] == 60
    assert await available(office) == (40, 40)
    await proven(office)


async def test_undoing_a_spend_holds_nothing_and_gives_back(office: Office) -> None:
    await office.studio.grant(office.player, 100)
    spent = await office.studio.spend(office.player, 40)
    await office.policy({"verb": "wallets.reverse"})
    body = {"transactionId": spent["transactionId"]}
    asked = waits(await ask(office.olga.http, "/v1/reversals", body))
    assert (asked["holdId"], await available(office)) == (None, (60, 60))
    done(await decide(office.pavel, asked))
    assert await available(office) == (100, 100)


async def test_a_posting_that_takes_from_several_wallets_cannot_wait(office: Office) -> None:
    other = await office.studio.player()
    for player in (office.player, other):
        await office.studio.grant(player, 50)
    await office.policy({"verb": "ledger.post"})
    legs = [leg((player, "free"), "sales", 10) for player in (office.player, other)]
    answer = await ask(office.olga.http, "/v1/postings", {"legs": legs})
    assert refused(answer) == (422, "approval_spans_wallets")
    asked = waits(await ask(office.olga.http, "/v1/postings", {"legs": legs[:1]}))
    assert await available(office) == (50, 40)
    done(await decide(office.pavel, asked))
    assert await available(office) == (40, 40)
    await proven(office)


async def test_coins_of_a_suspended_and_frozen_player_are_taken_back_by_two_as_by_one(
    office: Office,
) -> None:
    granted = await office.studio.grant(office.player, 100)
    await office.policy({"verb": "wallets.reverse"})
    path = f"/v1/players/{office.player}"
    freeze = {"currency": GEM, "reason": "stolen card"}
    done(await ask(office.olga.http, f"{path}/freeze", freeze))
    done(await office.olga.http.post(f"{path}/suspend", json={"reason": "stolen card"}))
    body = {"transactionId": granted["transactionId"]}
    asked = waits(await ask(office.olga.http, "/v1/reversals", body))
    assert await available(office) == (100, 0)
    done(await decide(office.pavel, asked))
    assert await available(office) == (0, 0)
    await proven(office)
