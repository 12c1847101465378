"""Amounts add up over a day, by who acts and by the player: no splitting slips under."""

import asyncio

from tests.approvals.office import Office, above, ask, decide, waits
from tests.studio import GEM, done, leg


async def test_ten_small_grants_do_not_slip_under(office: Office) -> None:
    await office.policy(above(100))
    answers = [await office.grant(office.olga.http, 30) for _ in range(10)]
    assert [one.status_code for one in answers] == [201] * 3 + [202] * 7
    assert await office.coins() == 90


async def test_ten_parallel_grants_do_not_slip_under(office: Office) -> None:
    await office.policy(above(100))
    answers = await asyncio.gather(
        *(office.grant(who.http, 30) for who in (office.olga, office.pavel) for _ in range(5))
    )
    statuses = sorted(one.status_code for one in answers)
    # All are of one player, so two persons together grant no more than one.
    assert statuses == [201] * 3 + [202] * 7
    assert await office.coins() == 90


async def test_one_person_cannot_spread_it_over_many_players(office: Office) -> None:
    await office.policy(above(100))
    players = [await office.studio.player() for _ in range(4)]
    answers = [await office.grant(office.olga.http, 40, playerId=player) for player in players]
    assert [one.status_code for one in answers] == [201, 201, 202, 202]
    assert (await office.grant(office.pavel.http, 40, playerId=players[3])).status_code == 201


async def test_what_waits_counts_until_it_is_rejected(office: Office) -> None:
    await office.policy(above(100))
    asked = waits(await office.grant(office.olga.http, 101))
    small = waits(await office.grant(office.olga.http, 1))
    done(await decide(office.pavel, asked, "reject", reason="too much"))
    assert done(await office.grant(office.olga.http, 99))["balance"] == 99
    done(await decide(office.pavel, small))
    assert (await office.grant(office.olga.http, 1)).status_code == 202


async def test_what_a_second_person_agreed_to_counts_too(office: Office) -> None:
    await office.policy(above(100))
    asked = waits(await office.grant(office.olga.http, 101))
    done(await decide(office.pavel, asked))
    assert (await office.grant(office.olga.http, 1)).status_code == 202


async def test_yesterday_is_forgotten(office: Office) -> None:
    await office.policy(above(100))
    done(await office.grant(office.olga.http, 100))
    waits(await office.grant(office.olga.http, 1))
    await office.studio.sql(
        "UPDATE approvals_tally "
        "SET slices = '[[' || (extract(epoch FROM now())::bigint / 900 - 98) || ',100]]'"
    )
    done(await office.grant(office.olga.http, 100))


async def test_currencies_do_not_add_up_with_each_other(office: Office) -> None:
    await office.studio.currency("ORE")
    await office.policy(above(100, asset=None))
    done(await office.grant(office.olga.http, 100))
    body = {"playerId": office.player, "currency": "ORE", "amount": 100}
    done(await ask(office.olga.http, "/v1/grants", body))
    waits(await ask(office.olga.http, "/v1/grants", body))


async def test_a_rule_of_one_currency_asks_for_no_other(office: Office) -> None:
    await office.studio.currency("ORE")
    await office.policy({"verb": "wallets.grant", "asset": "ORE"})
    done(await office.grant(office.olga.http, 100))
    body = {"playerId": office.player, "currency": "ORE", "amount": 1}
    waits(await ask(office.olga.http, "/v1/grants", body))


async def test_raw_postings_and_grants_are_measured_each_by_its_rules(office: Office) -> None:
    await office.policy(above(100), above(50, "ledger.post"))
    body = {"legs": [leg("issue", (office.player, "bonus"), 60)]}
    asked = waits(await ask(office.olga.http, "/v1/postings", body))
    assert asked["amounts"] == [{"asset": GEM, "amount": 60}]
    assert asked["command"]["legs"][0]["from"] == {"house": "issue"}
    done(await office.grant(office.olga.http, 100))
    agreed = done(await decide(office.pavel, asked))
    assert agreed["answer"]["transfers"][0]["amount"] == 60
    assert await office.coins() == 160


async def test_an_erasure_does_not_begin_the_day_of_a_player_anew(office: Office) -> None:
    await office.studio.grant(office.player, 100)
    spent = await office.studio.spend(office.player, 100)
    await office.policy(above(60, "wallets.reverse"))
    undone = {"transactionId": spent["transactionId"], "amount": 50}
    done(await ask(office.olga.http, "/v1/reversals", undone))
    done(await office.olga.http.post(f"/v1/players/{office.player}/erase"))
    waits(await ask(office.pavel.http, "/v1/reversals", undone))
