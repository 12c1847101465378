"""Whoever decides at the same time, and wherever a worker dies, a command is done once or not."""

import asyncio

import pytest
from tests.approvals.office import ALWAYS, Office, decide, read, waits
from tests.studio import done, refused

from guildbank.approvals import approve
from guildbank.journal import Journal
from guildbank.kernel import Refusal

POINTS = (
    "journal_locked",
    "rows_loaded",
    "written",
    "before_commit",
    "after_commit",
)


async def test_two_who_agree_at_once_do_it_once(office: Office) -> None:
    await office.policy(ALWAYS)
    third = await office.person("owner")
    for _ in range(5):
        asked = waits(await office.grant(office.olga.http, 10))
        answers = await asyncio.gather(decide(office.pavel, asked), decide(third, asked))
        assert sorted(one.status_code for one in answers) == [200, 409]
    assert await office.coins() == 50


async def test_agreeing_against_cancelling_ends_one_way(office: Office) -> None:
    await office.policy(ALWAYS)
    executed = 0
    for number in range(8):
        asked = waits(await office.grant(office.olga.http, 10))
        both = [decide(office.pavel, asked), decide(office.olga, asked, "cancel")]
        answers = await asyncio.gather(*(both if number % 2 else reversed(both)))
        assert sorted(one.status_code for one in answers) == [200, 409]
        executed += (await read(office.olga, asked))["state"] == "executed"
    assert await office.coins() == 10 * executed


async def test_agreeing_to_a_change_twice_at_once_makes_it_once(office: Office) -> None:
    await office.policy(ALWAYS)
    third, clerk = await office.person("owner"), await office.person("support")
    asked = waits(await office.olga.http.post(f"/v1/operators/{clerk.id}/suspend"))
    answers = await asyncio.gather(decide(office.pavel, asked), decide(third, asked))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert (await read(office.olga, asked))["state"] == "executed"
    suspended = "identity.operator_suspended"
    assert await office.kinds(suspended) == [suspended]


async def test_agreeing_while_the_requester_is_suspended_leaves_no_half(office: Office) -> None:
    await office.policy(ALWAYS)
    clerk = await office.person("support")
    down = waits(await office.olga.http.post(f"/v1/operators/{clerk.id}/suspend"))
    asked = waits(await office.grant(clerk.http, 10))
    both = [decide(office.pavel, asked), decide(office.pavel, down)]
    first, second = await asyncio.gather(*both)
    assert second.status_code == 200, second.text
    state = (await read(office.olga, asked))["state"]
    if first.status_code == 200:
        assert (state, await office.coins()) == ("executed", 10)
    else:
        assert refused(first) == (409, "requester_may_not")
        assert (state, await office.coins()) == ("pending", 0)


class _Cut(Exception):
    """Where a worker died."""


@pytest.mark.parametrize("point", POINTS)
async def test_a_cut_at_any_point_leaves_no_command_without_its_approval(
    office: Office, point: str
) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 10))
    services = office.city.services
    cut_at = [point]

    async def probe(reached: str) -> None:
        if reached in cut_at:
            cut_at.clear()
            raise _Cut

    cutting = Journal(services.db, probe=probe)
    four_eyes = type(services.four_eyes)(
        db=services.db,
        journal=cutting,
        tenants=services.four_eyes.tenants,
        rights=services.four_eyes.rights,
        reserve=services.four_eyes.reserve,
        persons=services.four_eyes.persons,
        approvables=services.four_eyes.approvables,
    )
    try:
        outcome = await approve(
            four_eyes, services, office.studio.ref, office.pavel.id, asked["id"]
        )
        assert not isinstance(outcome, Refusal)
    except _Cut:
        pass
    await cutting.close()
    assert not cut_at, f"nothing was cut at {point}"
    state = (await read(office.olga, asked))["state"]
    coins = await office.coins()
    assert (state, coins) in (("pending", 0), ("executed", 10))
    assert ("wallets.granted" in await office.kinds("wallets.%")) == (state == "executed")
    if state == "pending":
        done(await decide(office.pavel, asked))
    assert await office.coins() == 10


async def test_a_cut_in_a_change_leaves_neither_the_change_nor_the_decision(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.policy(ALWAYS)
    body = {"name": "night-shift", "permissions": ["players:read"]}
    asked = waits(await office.olga.http.post("/v1/roles", json=body))

    async def dies(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr("guildbank.approvals.usecases.change.run_within", dies)
        answer = await decide(office.pavel, asked)
    assert answer.status_code >= 500
    assert await office.kinds("identity.role_made") == []
    assert (await read(office.olga, asked))["state"] == "pending"
    done(await decide(office.pavel, asked))
    assert await office.kinds("identity.role_made") == ["identity.role_made"]
