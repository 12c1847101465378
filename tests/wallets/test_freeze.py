"""A frozen wallet pays nothing and still takes what it is given."""

import httpx
from tests.studio import Studio, done, leg, refused

REASON = "suspected card fraud"


async def freeze(studio: Studio, player: str, verb: str = "freeze") -> httpx.Response:
    return await studio.post(f"/v1/players/{player}/{verb}", {"currency": "GEM", "reason": REASON})


async def test_a_frozen_wallet_refuses_debits_with_the_reason(studio: Studio, player: str) -> None:
    await studio.grant(player, 50)
    assert done(await freeze(studio, player))["frozen"] is True
    for answer in (
        await studio.move("spend", player, 1),
        await studio.move("hold", player, 1),
        await studio.legs(leg((player, "free"), "pool", 1)),
    ):
        assert refused(answer) == (422, "account_frozen")
        assert answer.json()["reason"] == REASON
    assert (await studio.wallet(player))["frozen"] == REASON


async def test_a_frozen_wallet_takes_credits(studio: Studio, player: str) -> None:
    await freeze(studio, player)
    await studio.grant(player, 5)
    await studio.bonus(player, 6)
    await studio.paid(player, 7)
    assert await studio.buckets(player) == {"free": 5, "bonus": 6, "paid": 7}


async def test_a_frozen_players_holds_can_be_released(studio: Studio, player: str) -> None:
    await studio.grant(player, 5)
    hold = (await studio.hold(player, 5))["holdId"]
    await freeze(studio, player)
    done(await studio.post(f"/v1/holds/{hold}/release"))


async def test_an_unfrozen_wallet_pays_again(studio: Studio, player: str) -> None:
    await studio.grant(player, 5)
    await freeze(studio, player)
    assert done(await freeze(studio, player, "unfreeze"))["frozen"] is False
    await studio.spend(player, 5)


async def test_a_freeze_is_of_one_currency_and_one_player(studio: Studio, player: str) -> None:
    await studio.currency("GOLD")
    other = await studio.player()
    await freeze(studio, player)
    await studio.grant(other, 5)
    await studio.spend(other, 5)
    done(await studio.legs(leg("issue", (player, "free"), 3, "GOLD")))
    body = {"playerId": player, "currency": "GOLD", "amount": 3}
    done(await studio.post("/v1/spends", body))


async def test_only_players_of_the_tenant_are_frozen(studio: Studio, rival: Studio) -> None:
    theirs = await rival.player()
    await rival.grant(theirs, 5)
    assert (await freeze(studio, theirs)).status_code == 404
    assert (await freeze(studio, "nobody")).status_code == 404
    await rival.spend(theirs, 5)


async def test_a_reason_must_be_given(studio: Studio, player: str) -> None:
    answer = await studio.post(f"/v1/players/{player}/freeze", {"currency": "GEM"})
    assert refused(answer) == (422, "missing_field")
    assert answer.json()["field"] == "reason"
