"""Codes by mail: for who asked for them, and for who must have a second factor and has no other."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from tests.house import House
from tests.identity.people import FACTOR, Person, done, page_of, refused, set_policy

from guildbank.tenancy import TenantRef


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    """A tenant where nobody comes in without a second factor."""
    tenant = await house.tenant("mailed-home")
    await set_policy(house, tenant, second_factor="required")
    return tenant


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


@pytest.fixture
async def alice(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    """A player with a confirmed address and nothing else."""
    return await Person(house, home, web).register()


async def send(person: Person, challenge: str) -> httpx.Response:
    return await person.web.post(f"{FACTOR}/mail", json={"challenge": challenge})


async def test_who_must_have_a_second_factor_and_has_none_is_mailed_a_code(alice: Person) -> None:
    answer = await alice.log_in()
    assert refused(answer) == (401, "second_factor_required")
    assert answer.json()["methods"] == ["mailed_code"]
    challenge = answer.json()["challenge"]
    assert await alice.mail("sign_in_code") == []
    done(await send(alice, challenge))
    alice.take(await alice.finish(challenge, "mailed_code", await alice.mailed_code()))
    session = done(await alice.call("GET", "/v1/sessions"))["items"][0]
    assert session["methods"] == ["password", "mailed_code"]


async def test_a_mailed_code_opens_once(alice: Person) -> None:
    challenge = await alice.challenge()
    done(await send(alice, challenge))
    code = await alice.mailed_code()
    done(await alice.finish(challenge, "mailed_code", code))
    answer = await alice.finish(await alice.challenge(), "mailed_code", code)
    assert refused(answer) == (403, "second_factor_failed")


async def test_a_mailed_code_is_of_no_use_after_ten_minutes(alice: Person) -> None:
    done(await send(alice, await alice.challenge()))
    code = await alice.mailed_code()
    alice.house.clock.advance(timedelta(minutes=10))
    answer = await alice.finish(await alice.challenge(), "mailed_code", code)
    assert refused(answer) == (403, "second_factor_failed")


async def test_a_code_is_worthless_once_five_wrong_ones_were_tried(alice: Person) -> None:
    challenge = await alice.challenge()
    done(await send(alice, challenge))
    code = await alice.mailed_code()
    for _ in range(5):
        await alice.finish(challenge, "mailed_code", "00000000")
    # What slows guessing down would hide the limit of the code itself.
    async with alice.house.db.begin("guildbank") as tx:
        await tx.driver.execute("DELETE FROM infra_login_try")
    answer = await alice.finish(challenge, "mailed_code", code)
    assert refused(answer) == (403, "second_factor_failed")


async def test_one_code_a_minute_is_mailed(alice: Person) -> None:
    challenge = await alice.challenge()
    done(await send(alice, challenge))
    answer = await send(alice, await alice.challenge())
    assert refused(answer) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "60"
    assert len(await alice.mail("sign_in_code")) == 1
    alice.house.clock.advance(timedelta(seconds=60))
    done(await send(alice, challenge))
    assert len(await alice.mail("sign_in_code")) == 2


async def test_who_has_an_app_cannot_take_a_mailed_code_instead(alice: Person) -> None:
    """A mailbox that somebody broke into does not stand in for the app."""
    challenge = await alice.challenge()
    done(await send(alice, challenge))
    alice.take(await alice.finish(challenge, "mailed_code", await alice.mailed_code()))
    await alice.with_totp()
    answer = await alice.log_in()
    assert answer.json()["methods"] == ["totp", "recovery_code"]
    challenge = answer.json()["challenge"]
    alice.house.clock.advance(timedelta(minutes=2))
    assert refused(await send(alice, challenge)) == (409, "method_not_open")
    answer = await alice.finish(challenge, "mailed_code", "12345678")
    assert refused(answer) == (409, "method_not_open")
    done(await alice.call("POST", "/v1/second-factor/mailed-code"))
    answer = await alice.log_in()
    assert answer.json()["methods"] == ["totp", "mailed_code", "recovery_code"]


async def test_who_has_nothing_at_all_takes_an_app_into_use_to_come_in(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    bob = await Person(house, home, web).register(confirmed=False)
    answer = await bob.log_in()
    assert answer.json()["methods"] == ["enrol_totp"]
    challenge = answer.json()["challenge"]
    assert refused(await send(bob, challenge)) == (409, "address_not_confirmed")
    assert refused(await bob.finish(challenge, "totp", "123456")) == (409, "method_not_open")
    begun = done(await web.post(f"{FACTOR}/totp", json={"challenge": challenge}))
    bob.secret = begun["secret"]
    body = {"challenge": challenge, "enrolment": begun["enrolment"], "code": "000000"}
    confirm = f"{FACTOR}/totp/confirm"
    assert refused(await web.post(confirm, json=body)) == (403, "second_factor_failed")
    found = bob.take(await web.post(confirm, json={**body, "code": bob.code()}))
    assert len(found["recoveryCodes"]) == 10
    assert done(await bob.call("GET", "/v1/sessions"))["items"][0]["methods"] == [
        "password",
        "totp",
    ]
    assert (await bob.log_in()).json()["methods"] == ["totp", "recovery_code"]


async def test_an_app_cannot_be_put_in_the_place_of_what_a_player_has(alice: Person) -> None:
    """Who knows the password only does not get to choose the second factor."""
    challenge = await alice.challenge()
    answer = await alice.web.post(f"{FACTOR}/totp", json={"challenge": challenge})
    assert refused(answer) == (409, "method_not_open")


async def test_an_enrolment_of_one_player_finishes_no_sign_in_of_another(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    mallory = await Person(house, home, web).register(confirmed=False)
    victim = await Person(house, home, web).register(confirmed=False)
    theirs, ours = await victim.challenge(), await mallory.challenge()
    begun = done(await web.post(f"{FACTOR}/totp", json={"challenge": ours}))
    mallory.secret = begun["secret"]
    body = {"challenge": theirs, "enrolment": begun["enrolment"], "code": mallory.code()}
    answer = await web.post(f"{FACTOR}/totp/confirm", json=body)
    assert refused(answer) == (401, "challenge_ended")
    assert (await victim.log_in()).json()["methods"] == ["enrol_totp"]


async def test_where_the_tenant_offers_none_nobody_adds_one_and_who_has_one_is_asked(
    house: House,
) -> None:
    home = await house.tenant("factors-off")
    await set_policy(house, home)
    async with await page_of(house, home) as web:
        old = await (await Person(house, home, web).register()).come_in()
        await old.with_totp()
        await set_policy(house, home, second_factor="off")
        new = await (await Person(house, home, web).register()).come_in()
        for path in ("totp", "mailed-code"):
            answer = await new.call("POST", f"/v1/second-factor/{path}")
            assert refused(answer) == (409, "second_factor_off")
        answer = await new.call("POST", "/v1/passkeys/options")
        assert refused(answer) == (409, "second_factor_off")
        old.take(await old.finish(await old.challenge(), "totp", old.next_code()))
        assert (await old.call("DELETE", "/v1/second-factor/totp")).status_code == 204
        done(await old.log_in())


async def test_codes_are_mailed_to_a_confirmed_address_only(house: House) -> None:
    home = await house.tenant("unconfirmed")
    await set_policy(house, home)
    async with await page_of(house, home) as web:
        bob = await (await Person(house, home, web).register(confirmed=False)).come_in()
        answer = await bob.call("POST", "/v1/second-factor/mailed-code")
        assert refused(answer) == (409, "address_not_confirmed")
        assert refused(await bob.call("POST", "/v1/sessions/step-up/mail")) == (
            409,
            "address_not_confirmed",
        )
