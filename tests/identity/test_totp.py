"""Codes of authenticator apps: those of RFC 6238, each accepted once."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.house import House
from tests.identity.people import FACTOR, PASSWORD, Person, done, page_of, refused, set_policy

from guildbank.identity.rules import TOTP_STEP_SECONDS, totp_step
from guildbank.tenancy import TenantRef

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    tenant = await house.tenant("totp-home")
    await set_policy(house, tenant)
    return tenant


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


@pytest.fixture
async def alice(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    """A player with an authenticator app, signed in."""
    person = await Person(house, home, web).register()
    return await (await person.come_in()).with_totp()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    """The vectors of RFC 6238, appendix B (SHA-1), of which ours are the last six digits."""
    at, step = datetime.fromtimestamp(seconds, UTC), seconds // TOTP_STEP_SECONDS
    assert totp_step(RFC_SECRET, code[-6:], at) == step
    for late, expected in ((-30, step), (30, step), (60, None), (-60, None)):
        assert totp_step(RFC_SECRET, code[-6:], at + timedelta(seconds=late)) == expected
    assert totp_step(RFC_SECRET, code, at) is None
    assert totp_step(RFC_SECRET, "\u0662" * 6, at) is None


async def test_a_player_with_an_app_needs_its_code_to_come_in(alice: Person) -> None:
    answer = await alice.log_in()
    asked = answer.json()
    assert refused(answer) == (401, "second_factor_required")
    assert asked["methods"] == ["totp", "recovery_code"]
    assert asked["expiresAt"] == (alice.house.clock.now() + timedelta(minutes=10)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert "token" not in asked
    finished = alice.take(await alice.finish(asked["challenge"], "totp", alice.next_code()))
    assert finished["userId"] == alice.player
    assert finished["deviceToken"]
    listed = done(await alice.call("GET", "/v1/sessions"))["items"]
    assert listed[0]["methods"] == ["password", "totp"]


async def test_a_code_that_was_used_is_refused_and_so_are_those_before_it(alice: Person) -> None:
    alice.house.clock.advance(timedelta(seconds=90))
    challenge, older, code = await alice.challenge(), alice.code(-1), alice.code()
    done(await alice.finish(challenge, "totp", code))
    again = await alice.challenge()
    for used in (code, older):
        assert refused(await alice.finish(again, "totp", used)) == (403, "second_factor_failed")
    done(await alice.finish(again, "totp", alice.next_code()))


async def test_the_code_that_confirmed_the_app_does_not_sign_in(alice: Person) -> None:
    challenge = await alice.challenge()
    answer = await alice.finish(challenge, "totp", alice.code())
    assert refused(answer) == (403, "second_factor_failed")


async def test_of_two_who_send_one_code_at_once_one_comes_in(alice: Person) -> None:
    challenges = [await alice.challenge() for _ in range(4)]
    code = alice.next_code()
    answers = await asyncio.gather(*(alice.finish(one, "totp", code) for one in challenges))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]


async def test_of_two_proofs_of_one_sign_in_one_begins_a_session(alice: Person) -> None:
    challenge = await alice.challenge()
    before = len(done(await alice.call("GET", "/v1/sessions"))["items"])
    code = alice.next_code()
    answers = await asyncio.gather(
        alice.finish(challenge, "totp", code),
        alice.finish(challenge, "recovery_code", alice.recovery[0]),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    assert len(done(await alice.call("GET", "/v1/sessions"))["items"]) == before + 1
    again = await alice.finish(challenge, "totp", alice.next_code())
    assert refused(again) == (401, "challenge_ended")


async def test_a_challenge_ends_after_ten_minutes(alice: Person) -> None:
    challenge = await alice.challenge()
    alice.house.clock.advance(timedelta(minutes=10))
    answer = await alice.finish(challenge, "totp", alice.code())
    assert refused(answer) == (401, "challenge_ended")


async def test_a_player_who_is_suspended_meanwhile_does_not_come_in(alice: Person) -> None:
    challenge = await alice.challenge()
    async with alice.house.db.begin(alice.home.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_player SET state = 'suspended' WHERE id = $1", alice.player
        )
    answer = await alice.finish(challenge, "totp", alice.next_code())
    assert refused(answer) == (403, "player_suspended")


async def test_each_recovery_code_opens_once_and_new_ones_end_the_old(alice: Person) -> None:
    assert len(set(alice.recovery)) == 10
    left = done(await alice.call("GET", "/v1/second-factor"))
    assert left == {
        "policy": "optional",
        "totp": True,
        "mailedCode": False,
        "passkeys": 0,
        "recoveryCodesLeft": 10,
    }
    first, second = alice.recovery[:2]
    as_typed = first.upper().replace("-", " ")
    alice.take(await alice.finish(await alice.challenge(), "recovery_code", as_typed))
    challenge = await alice.challenge()
    answer = await alice.finish(challenge, "recovery_code", first)
    assert refused(answer) == (403, "second_factor_failed")
    assert done(await alice.call("GET", "/v1/second-factor"))["recoveryCodesLeft"] == 9
    new = done(await alice.call("POST", "/v1/second-factor/recovery-codes"))["recoveryCodes"]
    assert refused(await alice.finish(challenge, "recovery_code", second)) == (
        403,
        "second_factor_failed",
    )
    done(await alice.finish(challenge, "recovery_code", new[0]))


async def test_neither_secret_nor_recovery_code_can_be_read_in_the_database(alice: Person) -> None:
    async with alice.house.db.begin(alice.home.schema, read_only=True) as tx:
        sealed = bytes(
            await tx.driver.fetchval(
                "SELECT sealed FROM identity_factor WHERE player_id = $1", alice.player
            )
        )
        hashes = [
            bytes(row[0])
            for row in await tx.driver.fetch(
                "SELECT hash FROM identity_recovery_code WHERE player_id = $1", alice.player
            )
        ]
    assert alice.secret.encode() not in sealed
    assert base64.b32decode(alice.secret) not in sealed
    assert {len(one) for one in hashes} == {32}


async def test_an_app_is_not_asked_for_until_a_code_proves_that_it_has_the_secret(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    bob = await (await Person(house, home, web).register()).come_in()
    begun = done(await bob.call("POST", "/v1/second-factor/totp"))
    bob.secret = begun["secret"]
    assert begun["uri"].startswith(f"otpauth://totp/Totp-Home:{bob.name}?secret={bob.secret}")
    await bob.come_in()
    confirm = "/v1/second-factor/totp/confirm"
    wrong = {"enrolment": begun["enrolment"], "code": "000000"}
    assert refused(await bob.call("POST", confirm, wrong)) == (403, "second_factor_failed")
    right = {"enrolment": begun["enrolment"], "code": bob.code()}
    done(await bob.call("POST", confirm, right))
    assert refused(await bob.call("POST", confirm, right)) == (401, "challenge_ended")
    assert refused(await bob.call("POST", "/v1/second-factor/totp")) == (409, "factor_exists")
    assert await bob.challenge()


async def test_guessing_codes_is_slowed_down(alice: Person) -> None:
    challenge = await alice.challenge()
    wrong = "000000" if alice.code(1) != "000000" else "000001"
    codes = [(await alice.finish(challenge, "totp", wrong)).json()["code"] for _ in range(8)]
    assert codes[0] == "second_factor_failed"
    assert codes[-1] == "login_throttled"
    answer = await alice.finish(challenge, "totp", alice.next_code())
    assert refused(answer) == (429, "login_throttled")


async def test_removing_the_app_mails_ends_the_other_sessions_and_takes_the_codes(
    alice: Person,
) -> None:
    other = Person(alice.house, alice.home, alice.web, alice.name, secret=alice.secret)
    other.take(await other.finish(await other.challenge(), "totp", alice.next_code()))
    done(await other.call("GET", "/v1/sessions"))
    assert (await alice.call("DELETE", "/v1/second-factor/totp")).status_code == 204
    assert refused(await other.call("GET", "/v1/sessions")) == (401, "session_ended")
    left = done(await alice.call("GET", "/v1/second-factor"))
    assert (left["totp"], left["recoveryCodesLeft"]) == (False, 0)
    assert (
        "no longer asks for a code of the authenticator app"
        in (await alice.mail("factor_removed"))[0]
    )
    assert "also asks for a code of an authenticator app" in (await alice.mail("factor_added"))[0]
    done(await alice.log_in())
    assert refused(await alice.call("DELETE", "/v1/second-factor/totp")) == (404, "not_found")


async def test_a_new_password_does_not_do_away_with_the_second_factor(alice: Person) -> None:
    """However the password was set: what a reset by mail does is this, and no more."""
    other = Person(alice.house, alice.home, alice.web)
    await other.register()
    async with alice.house.db.begin(alice.home.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_password SET hash = (SELECT hash FROM identity_password"
            " WHERE player_id = $2), set_at = now() WHERE player_id = $1",
            alice.player,
            other.player,
        )
    assert refused(await alice.log_in()) == (401, "second_factor_required")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"method": "totp", "code": "123456"}, 422, "missing_field", "challenge"),
        ({"challenge": "x", "method": "totp"}, 422, "missing_field", "code"),
        ({"challenge": "x", "method": "passkey"}, 422, "missing_field", "credential"),
        ({"challenge": "x", "method": "password", "code": "x"}, 422, "invalid_value", "method"),
        ({"challenge": "x", "method": "totp", "code": "1" * 65}, 422, "out_of_range", "code"),
        ({"challenge": "x" * 65, "method": "totp", "code": "1"}, 422, "out_of_range", "challenge"),
        (
            {"challenge": "\u00e9", "method": "totp", "code": "1"},
            401,
            "challenge_ended",
            "challenge",
        ),
    ],
)
async def test_a_bad_proof_is_named(
    web: httpx.AsyncClient, body: dict[str, str], status: int, code: str, field: str
) -> None:
    answer = await web.post(FACTOR, json=body)
    assert (*refused(answer), answer.json()["field"]) == (status, code, field)


async def test_a_game_servers_token_reaches_no_second_factor(alice: Person) -> None:
    key = await alice.house.key(alice.home, "players:token")
    async with alice.house.client(alice.house.app(), key) as server:
        minted = done(await server.post(f"/v1/players/{alice.player}/tokens"), 201)
    alice.token = minted["token"]
    for method, path in (
        ("GET", "/v1/second-factor"),
        ("DELETE", "/v1/second-factor/totp"),
        ("POST", "/v1/second-factor/recovery-codes"),
        ("POST", "/v1/passkeys/options"),
    ):
        assert refused(await alice.call(method, path)) == (403, "session_required")
    step_up = await alice.step_up("password", password=PASSWORD)
    assert refused(step_up) == (403, "session_required")
