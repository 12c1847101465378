"""The gates that Guildbank brings hold in a published pipeline, in front of a real purchase."""

import asyncio
import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import DECLINED
from tests.payments.shop import Shop, open_shop
from tests.servers.impostor import Impostor

from guildbank.identity import AgeConfirmation, change_profile
from guildbank.kernel import Refusal
from guildbank.pipelines import Stages, Step, Wanted, publish, save_revision
from guildbank.pipelines.contracts import Pipeline
from guildbank.pipelines.usecases.check import find_problems
from guildbank.pipelines.usecases.dry_run import dry_run
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets
from guildbank_age.plugin import PLUGIN as AGE
from guildbank_amounts.plugin import PLUGIN as AMOUNTS
from guildbank_authorise.plugin import PLUGIN as AUTHORISE
from guildbank_countries.plugin import PLUGIN as COUNTRIES
from guildbank_duplicates.plugin import PLUGIN as DUPLICATES
from guildbank_rule.plugin import PLUGIN as RULE
from guildbank_velocity.plugin import PLUGIN as VELOCITY

PAGE = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
UP_TO_FIVE = Step("amounts", "amounts", {"limits": [{"money": "EUR", "most_minor": 500}]})
GERMANY = Step("germany", "countries", {"listed": "admit", "countries": ["DE"]})


def rules(*given: Mapping[str, Any]) -> Step:
    return Step("rules", "rule", {"rules": list(given)})


def vetoing(when: str) -> Mapping[str, Any]:
    then = {"veto": {"code": "no_chests", "detail": "No chests today."}}
    return {"name": "chests", "when": when, "then": then}


@pytest.fixture
async def shop(house: House) -> Shop:
    gates = (AGE, AMOUNTS, AUTHORISE, COUNTRIES, DUPLICATES, RULE, VELOCITY)
    named = tuple((gate.manifest.id, gate) for gate in gates)
    return await open_shop(house, plugins=named)


async def run(shop: Shop, *steps: Step) -> None:
    pipelines = shop.payments.pipelines
    saved = await save_revision(pipelines, shop.tenant, "app", "packs", Stages(before=steps))
    assert not isinstance(saved, Refusal), saved
    done = await publish(
        pipelines, shop.tenant, "app", Wanted(purpose="packs", number=saved.number)
    )
    assert isinstance(done, Pipeline), done


async def test_a_purchase_passes_all_three_and_is_credited(shop: Shop) -> None:
    await run(shop, UP_TO_FIVE, GERMANY, rules(vetoing("payment.coins > 500")))
    assert await bought(shop, "DE") == ("credited", None)


async def bought(shop: Shop, country: str | None = None) -> tuple[str, str | None]:
    intent = await shop.buy(await shop.player(), country=country)
    return intent.state.value, intent.problem


AT_LEAST_FIVE = Step("least", "amounts", {"limits": [{"money": "EUR", "least_minor": 500}]})


@pytest.mark.parametrize(
    ("step", "country"),
    [
        (GERMANY, "FR"),
        (GERMANY, None),
        (AT_LEAST_FIVE, "DE"),
        (rules(vetoing("payment.amount_minor == 499 && payment.money == 'EUR'")), "DE"),
        (rules(vetoing("payment.coins == 500 && payment.game_currency == 'GEM'")), "DE"),
        (rules(vetoing("payment.country == 'DE' && payment.purpose == 'packs'")), "DE"),
    ],
)
async def test_a_vetoed_purchase_asks_no_provider_for_money(
    shop: Shop, step: Step, country: str | None
) -> None:
    await run(shop, UP_TO_FIVE, step)
    assert await bought(shop, country) == ("failed", "purchase_vetoed")
    assert shop.script.requests == []


async def test_what_one_step_notes_the_rules_of_the_next_one_read(shop: Shop) -> None:
    noting = {"name": "mark", "when": "payment.bonus == 50", "then": {"note": {"level": "high"}}}
    first = Step("first", "rule", {"rules": [noting]})
    await run(shop, first, rules(vetoing("payment.annotations['first.level'] == 'high'")))
    assert await bought(shop) == ("failed", "purchase_vetoed")
    await run(shop, first, rules(vetoing("payment.annotations['first.level'] == 'low'")))
    assert await bought(shop) == ("credited", None)


async def test_a_rule_without_an_answer_lets_nothing_pass(shop: Shop) -> None:
    await run(shop, rules(vetoing("payment.annotations['nobody.wrote'] == 'this'")))
    assert await bought(shop) == ("failed", "gate_unavailable")
    assert shop.script.requests == []


async def test_a_bad_rule_is_named_by_its_place_in_the_revision(shop: Shop) -> None:
    stages = Stages(before=(GERMANY, rules(vetoing("payment.amount_minor * 1.2 > 5"))))
    [problem] = await find_problems(shop.payments.pipelines, shop.tenant, "packs", stages)
    assert problem.field == "stages.before.1.settings.rules.0.when"
    assert "found no matching overload for '_*_' applied to '(int, double)'" in problem.detail
    assert problem.detail.endswith("instead of amount_minor * 1.2.")


async def test_the_steps_that_the_page_checks_can_run(shop: Shop) -> None:
    [body] = re.findall(r"(?s)packs/check .*?-d '(.*?)'\n", PAGE)
    stages = msgspec.json.decode(body, type=dict[str, Stages])["stages"]
    assert len(stages.before) >= 3
    assert await find_problems(shop.payments.pipelines, shop.tenant, "packs", stages) == []


def at_most(number: int, minutes: int = 60) -> Step:
    limit = {"window_minutes": minutes, "most_purchases": number}
    return Step("velocity", "velocity", {"limits": [limit]})


async def test_a_player_buys_no_more_often_than_the_limit_until_its_time_is_over(
    shop: Shop,
) -> None:
    await run(shop, at_most(2))
    player, other = await shop.player(), await shop.player()
    first, second = await shop.buy(player), await shop.buy(player)
    assert [first.problem, second.problem] == [None, None]
    third = await shop.buy(player)
    assert (third.state, third.problem) == ("failed", "purchase_vetoed")
    assert third.problem_detail is not None
    assert third.problem_detail.endswith("Try again in 60 minutes.")
    assert (await shop.buy(other)).state == "credited"
    await shop.later(minutes=61)
    assert (await shop.buy(player)).state == "credited"


async def test_what_was_bought_under_another_revision_counts(shop: Shop) -> None:
    player = await shop.player()
    await run(shop, UP_TO_FIVE)
    await shop.buy(player)
    await run(shop, at_most(1))
    assert (await shop.buy(player)).problem == "purchase_vetoed"


async def test_of_purchases_at_the_same_moment_no_more_pass_than_the_limit_says(
    shop: Shop,
) -> None:
    await run(shop, at_most(3))
    player = await shop.player()
    made = await asyncio.gather(*(shop.buy(player) for _ in range(8)))
    assert sorted(one.state for one in made) == ["credited"] * 3 + ["failed"] * 5
    assert len(shop.script.requests) == 3


async def test_whoever_tries_many_cards_is_stopped_also_on_one_purchase(shop: Shop) -> None:
    limit = {"window_minutes": 10, "most_declines": 2}
    await run(shop, Step("velocity", "velocity", {"limits": [limit]}))
    player = await shop.player()
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    assert not isinstance(await shop.retry(intent), Refusal)
    refusal = await shop.retry(intent)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.extra["veto"]) == ("purchase_vetoed", "too_many_declines")
    assert (await shop.buy(player)).problem == "purchase_vetoed"
    assert len(shop.script.requests) == 2


async def test_a_second_tap_buys_nothing_and_a_later_purchase_passes(shop: Shop) -> None:
    await run(shop, Step("once", "duplicates", {"seconds": 30}))
    player = await shop.player()
    made = await asyncio.gather(*(shop.buy(player) for _ in range(4)))
    assert sorted(one.state for one in made) == ["credited", "failed", "failed", "failed"]
    assert (await shop.coins(player)) == {"paid": 500, "bonus": 50}
    await shop.later(seconds=31)
    assert (await shop.buy(player)).state == "credited"


async def test_whoever_was_declined_may_begin_the_same_purchase_anew(shop: Shop) -> None:
    await run(shop, Step("once", "duplicates", {}))
    player = await shop.player()
    shop.script.on_create = DECLINED
    await shop.buy(player)
    shop.script.on_create = None
    assert (await shop.buy(player)).state == "credited"


async def test_a_player_buys_once_somebody_confirmed_the_age(shop: Shop) -> None:
    await run(shop, Step("of-age", "age", {"required": "confirmed"}))
    player = await shop.player()
    refused = await shop.buy(player)
    assert (refused.state, refused.problem) == ("failed", "purchase_vetoed")
    assert shop.script.requests == []
    confirmed = AgeConfirmation(at=shop.house.clock.now(), method="document", by="app")
    changed = await change_profile(
        shop.house.identity, shop.tenant, player, {}, by="app", age=confirmed
    )
    assert not isinstance(changed, Refusal), changed
    assert (await shop.buy(player)).state == "credited"


async def test_the_games_own_server_is_asked_and_its_word_reaches_the_player(shop: Shop) -> None:
    no = {"allow": False, "code": "vault_full", "detail": "Your vault is too full."}
    async with Impostor() as game:
        asking = {"url": f"{game.url}/may-buy"}
        secrets = {"secret": f"whsec_{base64.b64encode(bytes(32)).decode()}"}
        wanted = StepSecrets("packs", "game", "before", "authorise", asking, secrets)
        done = await set_secrets(shop.payments.pipelines, shop.tenant, "app", wanted)
        assert not isinstance(done, Refusal), done
        await run(shop, Step("game", "authorise", asking))
        player = await shop.player()
        game.answer(200, no)
        refused = await shop.buy(player)
        assert (refused.problem, refused.problem_detail) == ("purchase_vetoed", no["detail"])
        game.answer(200, {"allow": True})
        assert (await shop.buy(player)).state == "credited"
        assert [msgspec.json.decode(one.body)["data"]["playerId"] for one in game.asked] == [
            player,
            player,
        ]
    assert (await shop.buy(player)).problem == "gate_unavailable"
    assert len(shop.script.requests) == 1


async def test_a_dry_run_counts_only_what_was_bought_before_each_payment(shop: Shop) -> None:
    player = await shop.player()
    bought = [(await shop.buy(player)).id for _ in range(3)]
    stages = Stages(before=(at_most(2),))
    replayed = await dry_run(shop.payments.pipelines, shop.tenant, "packs", stages, 50)
    assert not isinstance(replayed, Refusal), replayed
    fates = {one.payment_id: one.after.refused_by for one in replayed}
    assert [fates[one] for one in bought] == [None, None, "velocity"]


async def test_a_dry_run_knows_whose_age_was_confirmed(shop: Shop) -> None:
    known, unknown = await shop.player(), await shop.player()
    confirmed = AgeConfirmation(at=shop.house.clock.now(), method="document", by="app")
    await change_profile(shop.house.identity, shop.tenant, known, {}, by="app", age=confirmed)
    of_known, of_unknown = await shop.buy(known), await shop.buy(unknown)
    stages = Stages(before=(Step("of-age", "age", {"required": "confirmed"}),))
    replayed = await dry_run(shop.payments.pipelines, shop.tenant, "packs", stages, 50)
    assert not isinstance(replayed, Refusal), replayed
    fates = {one.payment_id: one.after.refused_by for one in replayed}
    assert (fates[of_known.id], fates[of_unknown.id]) == (None, "of-age")
