"""A sign-in begins no session once what it rests on was replaced, however late it finishes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import msgspec
import pyotp
import pytest
from tests.authenticator import Authenticator
from tests.house import House
from tests.identity.abroad import assertion, open_game
from tests.identity.abroad import done as ok
from tests.identity.people import PASSWORD, Person, done, origin, page_of, refused, set_policy

from guildbank.identity.contracts.factors import Enrolment
from guildbank.identity.contracts.players import NO_PLAYER, Email
from guildbank.identity.contracts.sign_in import BAD_TICKET, CREDENTIALS_CHANGED, Entrant, Tokens
from guildbank.identity.store.external import entrant
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.change_email import confirm_change_email
from guildbank.identity.usecases.accounts.change_password import PasswordChange
from guildbank.identity.usecases.accounts.change_password import (
    change_password as change_password_of,
)
from guildbank.identity.usecases.accounts.reset_password import (
    reset_password as reset_password_by,
)
from guildbank.identity.usecases.factors.enrol_totp import begin_totp, confirm_totp
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.send_code import send_code
from guildbank.identity.usecases.factors.use_mailed_codes import use_mailed_codes
from guildbank.identity.usecases.sign_in.finish import Proof, finish_sign_in, open_session
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret
from guildbank.infra.http import UNKNOWN_ADDRESS
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

OTHER = "seven ropes hum at dusk"
Step = Callable[[Person], Awaitable[object]]


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    tenant = await house.tenant("replaced-home")
    await set_policy(house, tenant)
    return tenant


@pytest.fixture
async def alice(house: House, home: TenantRef) -> AsyncIterator[Person]:
    async with await page_of(house, home) as web:
        person = await Person(house, home, web).register()
        yield await person.come_in()


async def seen(identity: Identity, tenant: TenantRef, player_id: str) -> Entrant:
    """Return the player as a sign-in that is under way saw them when it looked at the proof."""
    async with identity.db.begin(tenant.schema) as tx:
        found = await entrant(tx.driver, player_id)
    assert found is not None
    return found


async def finishes(identity: Identity, tenant: TenantRef, before: Entrant) -> Tokens | Refusal:
    """Let the sign-in go on that saw the player before; all that was asked is proved."""
    proof = Proof(entrant=before, methods=("password", "totp"), device="late")
    found = await read_factors(identity, tenant, before.player_id)
    assert not isinstance(found, Refusal)
    return await open_session(identity, tenant, proof, found[0])


async def change_password(person: Person) -> None:
    body = {"password": OTHER, "currentPassword": PASSWORD}
    done(await person.call("PUT", "/v1/account/password", body))


async def reset_password(person: Person) -> None:
    done(await person.reset(OTHER))


async def remove_app(person: Person) -> None:
    await person.with_totp()
    assert (await person.call("DELETE", "/v1/second-factor/totp")).status_code == 204


async def remove_passkey(person: Person) -> None:
    passkey = Authenticator(origin(person.home))
    options = done(await person.call("POST", "/v1/passkeys/options"))["options"]
    body = {"credential": passkey.create(options), "name": "Mine"}
    made = done(await person.call("POST", "/v1/passkeys", body), 201)
    path = f"/v1/passkeys/{made['id']}"
    assert (await person.call("DELETE", path)).status_code == 204


@pytest.mark.parametrize("step", [change_password, reset_password, remove_app, remove_passkey])
async def test_a_late_sign_in_finds_its_credential_replaced(alice: Person, step: Step) -> None:
    identity, home = alice.house.identity, alice.home
    before = await seen(identity, home, alice.player)
    assert isinstance(await finishes(identity, home, before), Tokens)
    await step(alice)
    assert await finishes(identity, home, before) == CREDENTIALS_CHANGED
    now = await seen(identity, home, alice.player)
    assert isinstance(await finishes(identity, home, now), Tokens)


async def test_a_late_sign_in_by_an_account_that_was_unlinked_begins_no_session(
    house: House,
) -> None:
    async with open_game(house, "replaced-abroad") as game:
        tokens = await game.register("ugo")
        async with game.player(tokens) as ugo:
            linked = ok(await ugo.post("/v1/identities", json=assertion("ugo")))
            before = await seen(game.identity, game.tenant, tokens["userId"])
            assert (await ugo.delete(f"/v1/identities/{linked['id']}")).status_code == 204
        assert await finishes(game.identity, game.tenant, before) == CREDENTIALS_CHANGED


async def test_a_late_sign_in_by_a_guests_secret_begins_no_session_after_the_upgrade(
    house: House,
) -> None:
    async with open_game(house, "replaced-guests") as game:
        made = ok(await game.web.post("/v1/guests", json={}))
        before = await seen(game.identity, game.tenant, made["tokens"]["userId"])
        body = {"username": "grown", "password": PASSWORD}
        async with game.player(made["tokens"]) as guest:
            ok(await guest.post("/v1/guests/upgrade", json=body))
        proof = Proof(entrant=before, methods=("guest",), device="late")
        late = await finish_sign_in(game.identity, game.tenant, proof)
        assert late == CREDENTIALS_CHANGED


async def test_of_two_who_change_one_password_the_second_is_refused(alice: Person) -> None:
    other = Person(alice.house, alice.home, alice.web, alice.name, alice.player)
    await other.come_in()
    bodies = [{"password": f"{OTHER} {n}", "currentPassword": PASSWORD} for n in range(2)]
    answers = await asyncio.gather(
        alice.call("PUT", "/v1/account/password", bodies[0]),
        other.call("PUT", "/v1/account/password", bodies[1]),
    )
    assert sorted(one.status_code for one in answers) == [200, 401]
    worked = bodies[[one.status_code for one in answers].index(200)]["password"]
    done(await alice.log_in(password=worked))


async def test_adding_a_factor_makes_no_old_sign_in_fresh(alice: Person) -> None:
    """A first one counts as proved when the player last proved themselves, not when it came."""
    alice.house.clock.advance(timedelta(minutes=8))
    await alice.with_totp()
    await alice.wait(3)
    answer = await alice.call("POST", "/v1/second-factor/recovery-codes")
    assert refused(answer) == (403, "step_up_required")


async def test_a_further_factor_does_not_prolong_the_proof_of_the_one_before(
    alice: Person,
) -> None:
    await alice.with_totp()
    alice.house.clock.advance(timedelta(minutes=6))
    passkey = Authenticator(origin(alice.home))
    options = done(await alice.call("POST", "/v1/passkeys/options"))["options"]
    body = {"credential": passkey.create(options), "name": "Mine"}
    done(await alice.call("POST", "/v1/passkeys", body), 201)
    alice.house.clock.advance(timedelta(minutes=5))
    await alice.wait(0)
    answer = await alice.call("POST", "/v1/second-factor/recovery-codes")
    assert refused(answer) == (403, "step_up_required")


async def test_a_code_that_was_mailed_to_step_up_signs_nobody_in(alice: Person) -> None:
    done(await alice.call("POST", "/v1/second-factor/mailed-code"))
    done(await alice.call("POST", "/v1/sessions/step-up/mail"))
    code = await alice.mailed_code()
    challenge = await alice.challenge()
    answer = await alice.finish(challenge, "mailed_code", code)
    assert refused(answer) == (403, "second_factor_failed")
    done(await alice.step_up("mailed_code", code=code))


async def test_who_guesses_at_the_second_factor_locks_no_known_device_out(
    alice: Person,
) -> None:
    await alice.with_totp()
    challenge = await alice.challenge()
    kept = done(await alice.finish(challenge, "totp", alice.next_code()))["deviceToken"]
    async with await page_of(alice.house, alice.home) as elsewhere:
        thief = Person(alice.house, alice.home, elsewhere, alice.name)
        challenge = await thief.challenge()
        told = [refused(await thief.finish(challenge, "totp", "000000")) for _ in range(12)]
    assert told[-1] == (429, "login_throttled")
    answer = await alice.log_in(deviceToken=kept)
    finished = await alice.finish(answer.json()["challenge"], "totp", alice.next_code())
    alice.take(finished)
    done(await alice.step_up("totp", code=alice.next_code()))


async def test_a_known_device_that_guesses_is_slowed_down_too(alice: Person) -> None:
    await alice.with_totp()
    challenge = await alice.challenge()
    kept = done(await alice.finish(challenge, "totp", alice.next_code()))["deviceToken"]
    challenge = (await alice.log_in(deviceToken=kept)).json()["challenge"]
    told = [refused(await alice.finish(challenge, "totp", "000000")) for _ in range(12)]
    again = (await alice.log_in(deviceToken=kept)).json()["challenge"]
    assert told[-1] == (429, "login_throttled")
    assert refused(await alice.finish(again, "totp", "000000")) == (429, "login_throttled")


async def test_nothing_is_written_of_a_person_who_was_erased_meanwhile(alice: Person) -> None:
    """What was begun before the erasure finds the person gone, though no sweep has come yet."""
    identity, home = alice.house.identity, alice.home
    path = "/v1/account/password/forgotten"
    await alice.web.post(path, json={"email": alice.address})
    token = await alice.mailed_token("reset_password")
    done(await alice.call("PUT", "/v1/account/email", {"email": f"new.{alice.address}"}), 202)
    async with identity.db.begin(home.schema) as tx:
        secret = new_secret()
        data = msgspec.json.encode(Email(f"new.{alice.address}", f"new.{alice.address}"))
        await add_ticket(
            identity, tx, secret, "change_email", timedelta(1), player_id=alice.player, data=data
        )
    found = await read_factors(identity, home, alice.player)
    assert not isinstance(found, Refusal)
    begun = await begin_totp(identity, home, *found)
    assert isinstance(begun, Enrolment)
    code = pyotp.TOTP(begun.secret).at(identity.clock.now())
    async with identity.db.begin(home.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_player SET state = 'erased' WHERE id = $1", alice.player
        )
    before = await rows(alice)
    change = PasswordChange(
        player_id=alice.player, session_id="", address=UNKNOWN_ADDRESS, fresh=True,
        current=PASSWORD, wanted=OTHER,
    )  # fmt: skip
    assert await change_password_of(identity, home, change) == NO_PLAYER
    assert await reset_password_by(identity, home, token, OTHER) == BAD_TICKET
    assert await confirm_change_email(identity, home, secret) == BAD_TICKET
    late = await confirm_totp(identity, home, found[0], begun.enrolment, code)
    assert late == NO_PLAYER
    assert await use_mailed_codes(identity, home, alice.player, alice.session) == NO_PLAYER
    assert await send_code(identity, home, found[0], "step_up_code") == NO_PLAYER
    async with identity.db.begin(home.schema) as tx:
        life = timedelta(1)
        await add_ticket(identity, tx, new_secret(), "link_offer", life, player_id=alice.player)
    assert await rows(alice) == before


async def rows(person: Person) -> dict[str, list[str]]:
    """Return all that is kept of how a player comes in."""
    kept = {}
    async with person.house.db.begin(person.home.schema) as tx:
        for table in ("email", "password", "factor", "recovery_code", "ticket", "passkey"):
            found = await tx.driver.fetch(
                f"SELECT t::text FROM identity_{table} AS t WHERE player_id = $1",
                person.player,
            )
            kept[table] = sorted(row[0] for row in found)
    return kept
