"""Passkeys are made for the tenant's host, sign in by themselves, and are used once a challenge."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.authenticator import Authenticator, base64url
from tests.house import House
from tests.identity.people import (
    FACTOR,
    STEP_UP,
    Person,
    done,
    origin,
    page_of,
    refused,
    set_policy,
)

from guildbank.tenancy import PasskeySettings, TenantRef


@pytest.fixture(autouse=True)
async def unguessed(house: House) -> None:
    """Begin as if nobody had guessed from this address: the tests do so all the time."""
    await forget_tries(house)


PASSKEYS, ALONE = "/v1/passkeys", "/v1/sign-in/passkey"
FAILED = (403, "second_factor_failed")


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    tenant = await house.tenant("passkeys-home")
    await set_policy(house, tenant)
    return tenant


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


@pytest.fixture
async def alice(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    return await (await Person(house, home, web).register()).come_in()


@pytest.fixture
async def phone(alice: Person) -> Authenticator:
    """Alice's passkey."""
    made = Authenticator(origin(alice.home))
    done(await add(alice, made), 201)
    return made


async def forget_tries(house: House) -> None:
    async with house.db.begin("guildbank") as tx:
        await tx.driver.execute("DELETE FROM infra_login_try")


async def add(person: Person, device: Authenticator, **more: Any) -> httpx.Response:
    options = done(await person.call("POST", f"{PASSKEYS}/options"))["options"]
    body = {"credential": device.create(options, **more), "name": "Phone"}
    return await person.call("POST", PASSKEYS, body)


async def asked(web: httpx.AsyncClient, challenge: str | None = None) -> dict[str, Any]:
    """Return what the page is to ask for: to finish a sign-in, or for any passkey."""
    if challenge is None:
        return dict(done(await web.post(f"{ALONE}/options"))["options"])
    answer = await web.post(f"{FACTOR}/passkey", json={"challenge": challenge})
    return dict(done(answer)["options"])


async def alone(web: httpx.AsyncClient, credential: dict[str, Any], **more: Any) -> httpx.Response:
    return await web.post(ALONE, json={"credential": credential, **more})


async def test_a_passkey_is_added_listed_named_and_removed(alice: Person) -> None:
    phone = Authenticator(origin(alice.home))
    made = done(await add(alice, phone), 201)
    assert len(made["recoveryCodes"]) == 10
    key = Authenticator(origin(alice.home))
    assert done(await add(alice, key), 201)["recoveryCodes"] is None
    [first, second] = done(await alice.call("GET", PASSKEYS))["items"]
    assert (first["id"], first["name"], first["usable"]) == (made["id"], "Phone", True)
    assert first["rpId"] == "passkeys-home.example"
    path = f"{PASSKEYS}/{second['id']}"
    assert (await alice.call("PATCH", path, {"name": "Key ring"})).status_code == 204
    assert done(await alice.call("GET", PASSKEYS))["items"][1]["name"] == "Key ring"
    assert (await alice.call("DELETE", path)).status_code == 204
    assert len(done(await alice.call("GET", PASSKEYS))["items"]) == 1
    assert refused(await alice.call("DELETE", path)) == (404, "not_found")
    assert refused(await alice.call("PATCH", path, {"name": "x"})) == (404, "not_found")
    assert "also asks for a passkey" in (await alice.mail("factor_added"))[0]
    assert "no longer asks for one of your passkeys" in (await alice.mail("factor_removed"))[0]


async def test_a_passkey_signs_in_by_itself(alice: Person, phone: Authenticator) -> None:
    options = await asked(alice.web)
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    alice.take(await alone(alice.web, phone.get(options)))
    sessions = done(await alice.call("GET", "/v1/sessions"))["items"]
    assert sessions[0]["methods"] == ["passkey"]
    used = done(await alice.call("GET", PASSKEYS))["items"][0]["lastUsedAt"]
    assert used is not None


async def test_a_passkey_finishes_a_sign_in_by_password(
    alice: Person, phone: Authenticator
) -> None:
    answer = await alice.log_in()
    assert answer.json()["methods"] == ["passkey", "recovery_code"]
    challenge = answer.json()["challenge"]
    options = await asked(alice.web, challenge)
    assert [one["id"] for one in options["allowCredentials"]] == [base64url(phone.credential_id)]
    # As a second factor beside the password it need not know its holder.
    phone.verified = False
    alice.take(await alice.finish(challenge, "passkey", credential=phone.get(options)))
    sessions = done(await alice.call("GET", "/v1/sessions"))["items"]
    assert sessions[0]["methods"] == ["password", "passkey"]


async def test_a_passkey_steps_up(alice: Person, phone: Authenticator) -> None:
    await alice.wait()
    assert refused(await alice.call("POST", f"{PASSKEYS}/options")) == (403, "step_up_required")
    options = done(await alice.call("POST", f"{STEP_UP}/passkey"))["options"]
    alice.take(await alice.step_up("passkey", credential=phone.get(options)))
    done(await alice.call("POST", f"{PASSKEYS}/options"))


async def test_a_passkey_that_did_not_verify_its_holder_does_not_sign_in_alone(
    alice: Person, phone: Authenticator
) -> None:
    """A stolen security key is one factor, and not two."""
    phone.verified = False
    assert refused(await alone(alice.web, phone.get(await asked(alice.web)))) == FAILED


async def test_an_answer_is_taken_once(alice: Person, phone: Authenticator) -> None:
    credential = phone.get(await asked(alice.web))
    done(await alone(alice.web, credential))
    assert refused(await alone(alice.web, credential)) == FAILED
    credential = phone.get(await asked(alice.web))
    answers = await asyncio.gather(*(alone(alice.web, credential) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]


async def test_a_challenge_is_used_up_by_a_wrong_answer_too(
    alice: Person, phone: Authenticator
) -> None:
    options = await asked(alice.web)
    wrong = Authenticator("https://evil.example", credential_id=phone.credential_id, key=phone.key)
    assert refused(await alone(alice.web, wrong.get(options))) == FAILED
    assert refused(await alone(alice.web, phone.get(options))) == FAILED


async def test_a_challenge_is_of_no_use_after_five_minutes(
    alice: Person, phone: Authenticator
) -> None:
    options = await asked(alice.web)
    alice.house.clock.advance(timedelta(minutes=5))
    assert refused(await alone(alice.web, phone.get(options))) == FAILED


async def test_a_copy_of_a_passkey_gives_itself_away_by_its_count(
    alice: Person, phone: Authenticator
) -> None:
    copy = replace(phone)
    for _ in range(2):
        done(await alone(alice.web, phone.get(await asked(alice.web))))
    for _ in range(2):
        assert refused(await alone(alice.web, copy.get(await asked(alice.web)))) == FAILED
    done(await alone(alice.web, phone.get(await asked(alice.web))))


async def test_a_passkey_without_a_count_is_used_again_and_again(
    alice: Person, phone: Authenticator
) -> None:
    for _ in range(3):
        phone.count = -1
        done(await alone(alice.web, phone.get(await asked(alice.web))))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda device: replace(device, origin="https://evil.example"),
        lambda device: replace(device, origin="http://passkeys-home.example"),
        lambda device: replace(device, origin="https://passkeys-home.example.evil.example"),
        lambda device: replace(device, key=Authenticator("").key),
        lambda device: replace(device, credential_id=b"unknown to us   "),
        lambda device: replace(device, user=base64url(b"player_somebody_else")),
    ],
)
async def test_an_answer_of_another_page_key_or_player_opens_nothing(
    alice: Person, phone: Authenticator, spoil: Any
) -> None:
    spoilt = spoil(phone)
    assert refused(await alone(alice.web, spoilt.get(await asked(alice.web)))) == FAILED
    challenge = await alice.challenge()
    credential = spoilt.get(await asked(alice.web, challenge))
    assert refused(await alice.finish(challenge, "passkey", credential=credential)) == FAILED


async def test_a_challenge_of_one_purpose_serves_no_other(
    alice: Person, phone: Authenticator
) -> None:
    challenge = await alice.challenge()
    for_factor, for_alone = await asked(alice.web, challenge), await asked(alice.web)
    assert refused(await alone(alice.web, phone.get(for_factor))) == FAILED
    wrong = await alice.finish(challenge, "passkey", credential=phone.get(for_alone))
    assert refused(wrong) == FAILED
    to_make = done(await alice.call("POST", f"{PASSKEYS}/options"))["options"]
    mixed = {"challenge": to_make["challenge"], "rpId": to_make["rp"]["id"]}
    assert refused(await alone(alice.web, phone.get(mixed))) == FAILED


async def test_the_passkey_and_challenge_of_another_player_prove_nothing(
    alice: Person, phone: Authenticator
) -> None:
    bob = await (await Person(alice.house, alice.home, alice.web).register()).come_in()
    tablet = Authenticator(origin(alice.home))
    done(await add(bob, tablet), 201)
    ours, theirs = await bob.challenge(), await alice.challenge()
    for challenge, options in (
        (theirs, await asked(alice.web, theirs)),
        (theirs, await asked(alice.web, ours)),
    ):
        answer = await bob.finish(challenge, "passkey", credential=tablet.get(options))
        assert refused(answer) == FAILED
    to_make = done(await alice.call("POST", f"{PASSKEYS}/options"))["options"]
    fresh = Authenticator(origin(alice.home))
    body = {"credential": fresh.create(to_make), "name": "x"}
    assert refused(await bob.call("POST", PASSKEYS, body)) == (422, "passkey_refused")
    bobs = done(await bob.call("GET", PASSKEYS))["items"][0]["id"]
    assert refused(await alice.call("DELETE", f"{PASSKEYS}/{bobs}")) == (404, "not_found")
    assert refused(await alice.call("PATCH", f"{PASSKEYS}/{bobs}", {"name": "x"})) == (
        404,
        "not_found",
    )


async def test_a_passkey_made_for_another_host_or_page_is_refused(alice: Person) -> None:
    refusal = (422, "passkey_refused")
    evil = Authenticator("https://evil.example")
    assert refused(await add(alice, evil)) == refusal
    ours = Authenticator(origin(alice.home))
    assert refused(await add(alice, ours, rp_id="evil.example")) == refusal
    done(await add(alice, ours), 201)
    assert refused(await add(alice, ours)) == refusal
    options = done(await alice.call("POST", f"{PASSKEYS}/options"))["options"]
    assert [one["id"] for one in options["excludeCredentials"]] == [base64url(ours.credential_id)]


async def test_a_passkey_that_somebody_has_is_nobody_elses(
    alice: Person, phone: Authenticator
) -> None:
    bob = await (await Person(alice.house, alice.home, alice.web).register()).come_in()
    assert refused(await add(bob, replace(phone))) == (422, "passkey_refused")


async def test_a_player_has_at_most_twenty(alice: Person) -> None:
    for _ in range(20):
        done(await add(alice, Authenticator(origin(alice.home))), 201)
    answer = await alice.call("POST", f"{PASSKEYS}/options")
    assert refused(answer) == (409, "too_many_passkeys")


async def test_passkeys_of_an_earlier_host_are_shown_and_still_ask_for_a_second_factor(
    house: House,
) -> None:
    """A tenant that moves does not open its players' accounts to who knows a password."""
    home = await house.tenant("moving-home")
    await set_policy(house, home)
    async with await page_of(house, home) as web:
        alice = await (await Person(house, home, web).register()).come_in()
        done(await add(alice, Authenticator(origin(home))), 201)
        moved = PasskeySettings(rp_id="moved.example", origins=("https://moved.example",))
        await set_policy(house, home, passkeys=moved)
        [kept] = done(await alice.call("GET", PASSKEYS))["items"]
        assert kept["usable"] is False
        assert (await alice.log_in()).json()["methods"] == ["mailed_code", "recovery_code"]


async def test_a_tenant_without_a_host_takes_no_passkeys(house: House) -> None:
    home = await house.tenant("hostless")
    async with await page_of(house, home) as web:
        alice = await (await Person(house, home, web).register()).come_in()
        assert refused(await web.post(f"{ALONE}/options")) == (409, "passkeys_off")
        assert refused(await alice.call("POST", f"{PASSKEYS}/options")) == (409, "passkeys_off")
        made = Authenticator("https://x.example").get({"challenge": "AAAA", "rpId": "x.example"})
        assert refused(await alone(web, made)) == (409, "passkeys_off")


MANGLED = ("A", "AAAA", "e30", "bnVsbA", "W10", "_" * 8_000, "oA", "n_8", "o2NmbXRkbm9uZQ")


async def test_a_mangled_answer_is_refused_and_not_stumbled_over(
    alice: Person, phone: Authenticator
) -> None:
    for member in ("clientDataJSON", "authenticatorData", "signature"):
        for spoilt in MANGLED:
            credential = phone.get(await asked(alice.web))
            credential["response"][member] = spoilt
            await forget_tries(alice.house)
            assert refused(await alone(alice.web, credential)) == FAILED, (member, spoilt)


async def test_a_mangled_passkey_is_refused_and_not_stumbled_over(alice: Person) -> None:
    for member in ("clientDataJSON", "attestationObject"):
        for spoilt in MANGLED:
            options = done(await alice.call("POST", f"{PASSKEYS}/options"))["options"]
            credential = Authenticator(origin(alice.home)).create(options)
            credential["response"][member] = spoilt
            body = {"credential": credential, "name": "x"}
            answer = await alice.call("POST", PASSKEYS, body)
            assert refused(answer) == (422, "passkey_refused"), (member, spoilt)
