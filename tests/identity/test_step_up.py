"""A session is made fresh by a new proof, and what asks for one is not done without it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.house import House
from tests.identity.people import PASSWORD, STEP_UP, Person, done, page_of, refused, set_policy

from guildbank.identity import require_factor
from guildbank.kernel import Refusal
from guildbank.tenancy import GuardedAction, TenantRef

GUARDED = "/v1/second-factor/totp"
"""A call that only a fresh session may make."""


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    tenant = await house.tenant("step-up-home")
    await set_policy(house, tenant, second_factor_actions=("payout",))
    return tenant


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


@pytest.fixture
async def alice(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    """A player who signed in a while ago."""
    person = await (await Person(house, home, web).register()).come_in()
    return await person.wait()


@pytest.fixture
async def careful(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    """A player with an authenticator app who signed in a while ago."""
    person = await (await Person(house, home, web).register()).come_in()
    return await (await person.with_totp()).wait()


async def asked(person: Person, action: GuardedAction = "payout") -> str | None:
    """Ask as a room does before a payout; return the code of a refusal."""
    house = person.house
    found = await require_factor(house.identity, person.home, person.player, person.session, action)
    return found.code if isinstance(found, Refusal) else None


async def test_a_password_makes_the_session_of_who_has_no_second_factor_fresh(
    alice: Person,
) -> None:
    assert refused(await alice.call("POST", GUARDED)) == (403, "step_up_required")
    assert refused(await alice.step_up("password", password="a wild guess")) == (
        401,
        "login_failed",
    )
    assert refused(await alice.call("POST", GUARDED)) == (403, "step_up_required")
    session = alice.session
    alice.take(await alice.step_up("password", password=PASSWORD))
    assert alice.session == session
    done(await alice.call("POST", GUARDED))
    await alice.wait(minutes=9)
    done(await alice.call("POST", GUARDED))
    await alice.wait(minutes=2)
    assert refused(await alice.call("POST", GUARDED)) == (403, "step_up_required")


async def test_the_password_alone_does_not_do_for_who_has_a_second_factor(careful: Person) -> None:
    answer = await careful.step_up("password", password=PASSWORD)
    assert refused(answer) == (403, "step_up_required")
    assert answer.json()["methods"] == ["totp", "recovery_code"]
    assert refused(await careful.call("DELETE", GUARDED)) == (403, "step_up_required")
    careful.take(await careful.step_up("totp", code=careful.code()))
    assert (await careful.call("DELETE", GUARDED)).status_code == 204


async def test_a_recovery_code_steps_up_and_is_used_by_that(careful: Person) -> None:
    code = careful.recovery[0]
    careful.take(await careful.step_up("recovery_code", code=code))
    assert refused(await careful.step_up("recovery_code", code=code)) == (
        403,
        "second_factor_failed",
    )
    left = done(await careful.call("GET", "/v1/second-factor"))["recoveryCodesLeft"]
    assert left == 9


async def test_a_mailed_code_steps_up_who_has_nothing_better(alice: Person) -> None:
    done(await alice.call("POST", f"{STEP_UP}/mail"))
    alice.take(await alice.step_up("mailed_code", code=await alice.mailed_code()))
    done(await alice.call("POST", GUARDED))
    methods = done(await alice.call("GET", "/v1/sessions"))["items"][0]["methods"]
    assert methods == ["password", "mailed_code"]


async def test_guessing_at_a_step_up_is_slowed_down(careful: Person) -> None:
    codes = [(await careful.step_up("totp", code="000000")).json()["code"] for _ in range(8)]
    assert codes[-1] == "login_throttled"


async def test_a_code_that_signed_in_does_not_step_up(careful: Person) -> None:
    code = careful.code()
    careful.take(await careful.finish(await careful.challenge(), "totp", code))
    assert refused(await careful.step_up("totp", code=code)) == (403, "second_factor_failed")


async def test_another_session_that_was_fresh_before_does_not_change_the_factor(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    """A thief who came in with the password just before does not take the app off again."""
    owner = await (await Person(house, home, web).register()).come_in()
    thief = Person(house, home, web, owner.name, player=owner.player)
    await thief.come_in()
    await owner.with_totp()
    for method, path in (
        ("DELETE", GUARDED),
        ("POST", "/v1/second-factor/recovery-codes"),
        ("POST", "/v1/second-factor/mailed-code"),
    ):
        assert refused(await thief.call(method, path)) == (403, "step_up_required")
    assert (await owner.call("DELETE", GUARDED)).status_code == 204


async def test_an_action_that_the_tenant_lists_asks_for_a_factor_of_the_last_minutes(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    bob = await (await Person(house, home, web).register()).come_in()
    assert await asked(bob, "change_email") is None
    assert await asked(bob) == "step_up_required"
    bob.take(await bob.step_up("password", password=PASSWORD))
    assert await asked(bob) == "step_up_required"
    await bob.with_totp()
    assert await asked(bob) is None
    await bob.wait()
    assert await asked(bob) == "step_up_required"
    bob.take(await bob.step_up("totp", code=bob.code()))
    assert await asked(bob) is None
    other = Person(house, home, web, bob.name, player=bob.player, secret=bob.secret)
    other.take(await other.finish(await other.challenge(), "totp", bob.next_code()))
    assert await asked(other) is None
    bob.session = ""
    assert await asked(bob) == "step_up_required"
    nobody = await require_factor(house.identity, home, bob.player, None, "payout")
    assert nobody is not None
    assert nobody.code == "session_required"


async def test_a_session_of_another_player_proves_nothing(alice: Person, careful: Person) -> None:
    careful.take(await careful.step_up("totp", code=careful.code()))
    borrowed = Person(alice.house, alice.home, alice.web, player=alice.player)
    borrowed.session = careful.session
    assert await asked(careful) is None
    assert await asked(borrowed) == "step_up_required"


async def test_an_ended_session_cannot_step_up(careful: Person) -> None:
    assert (await careful.call("POST", "/logout")).status_code == 204
    answer = await careful.step_up("totp", code=careful.code())
    assert refused(answer) == (401, "session_ended")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "password"}, "password"),
        ({"method": "totp", "password": PASSWORD}, "code"),
        ({"method": "passkey", "code": "123456"}, "credential"),
        ({"method": "guest"}, "method"),
    ],
)
async def test_a_bad_proof_is_named(alice: Person, body: dict[str, str], field: str) -> None:
    answer = await alice.call("POST", STEP_UP, body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
