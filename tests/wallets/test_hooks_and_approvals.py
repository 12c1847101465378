"""An operation that a second person agrees to asks its hooks once: when it is asked for."""

from collections.abc import AsyncIterator

import pytest
from tests.approvals.office import ALWAYS, Office, above, decide, open_office, waits
from tests.studio import City, done, refused
from tests.wallets.hooking import NO, YES, hooked, questions, says

from guildbank.plugin_api import Judgement


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    async with open_office(city) as office:
        yield office


async def test_what_is_vetoed_does_not_begin_to_wait(office: Office) -> None:
    await office.policy(ALWAYS)
    await hooked(office.studio, verb="grant")
    says(office.studio, NO)
    assert refused(await office.grant(office.olga.http, 50)) == (403, "operation_vetoed")
    assert await office.kinds() == []


async def test_who_agrees_asks_nobody_and_what_was_noted_is_kept_with_the_coins(
    office: Office,
) -> None:
    await office.policy(ALWAYS)
    await hooked(office.studio, verb="grant")
    says(office.studio, Judgement(annotations={"guild": "north"}))
    asked = waits(await office.grant(office.olga.http, 50, key="once"))
    assert await office.studio.sql("SELECT 1 FROM wallets_check") == []
    says(office.studio, NO)
    agreed = done(await decide(office.pavel, asked))
    assert (agreed["state"], await office.coins()) == ("executed", 50)
    path = f"/v1/transactions/{agreed['transactionId']}/checks"
    [told] = done(await office.studio.http.get(path))["checks"]
    assert told["notes"] == {"ask-hook.guild": "north"}
    assert waits(await office.grant(office.olga.http, 50, key="once"))["id"] == asked["id"]
    assert len(questions(office.studio)) == 1


async def test_below_the_threshold_it_is_done_at_once_and_asked_about_once(
    office: Office,
) -> None:
    await office.policy(above(100))
    await hooked(office.studio, verb="grant")
    says(office.studio, YES)
    done(await office.grant(office.olga.http, 50))
    assert (await office.coins(), len(questions(office.studio))) == (50, 1)


async def test_what_waited_before_there_were_hooks_can_be_agreed_to(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    await hooked(office.studio, verb="grant")
    says(office.studio, NO)
    done(await decide(office.pavel, asked))
    assert (await office.coins(), questions(office.studio)) == (50, [])
