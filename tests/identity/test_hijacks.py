"""Who registers somebody else's address leaves nothing behind that opens the owner's account."""

from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest
from tests.authenticator import Authenticator
from tests.house import House
from tests.identity.abroad import Game, assertion, open_game
from tests.identity.people import (
    PASSWORD,
    Person,
    done,
    origin,
    page_of,
    refused,
    set_policy,
)
from tests.identity.test_links import mailed_code, newest_mail

from guildbank.tenancy import TenantRef

NUMBERS = count()
OWNERS = "seven ropes hum at dusk"
CONFIRM = "/v1/account/email/confirm"


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    tenant = await house.tenant("hijacks-home")
    await set_policy(house, tenant)
    return tenant


@pytest.fixture
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    async with open_game(house, f"hijacks-{next(NUMBERS)}") as game:
        yield game


@pytest.fixture
async def thief(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    """Who registered an address that is not theirs, and came in."""
    return await (await Person(house, home, web).register(confirmed=False)).come_in()


async def follow(thief: Person) -> None:
    """Let the owner of the address follow the link that came."""
    token = await thief.mailed_token("confirm_email")
    done(await thief.web.post(CONFIRM, json={"token": token}))


async def plant(thief: Person) -> Authenticator:
    """Leave an authenticator app and a passkey in the account."""
    await thief.with_totp()
    passkey = Authenticator(origin(thief.home))
    options = done(await thief.call("POST", "/v1/passkeys/options"))["options"]
    body = {"credential": passkey.create(options), "name": "Mine"}
    done(await thief.call("POST", "/v1/passkeys", body), 201)
    return passkey


async def passkey_opens(thief: Person, passkey: Authenticator) -> bool:
    options = done(await thief.web.post("/v1/sign-in/passkey/options"))["options"]
    body = {"credential": passkey.get(options)}
    return (await thief.web.post("/v1/sign-in/passkey", json=body)).is_success


async def test_factors_passkeys_and_sessions_that_a_thief_left_end_with_the_owners_link(
    thief: Person,
) -> None:
    passkey = await plant(thief)
    assert await passkey_opens(thief, passkey)
    await follow(thief)
    assert not await passkey_opens(thief, passkey)
    assert (await thief.call("GET", "/v1/sessions")).status_code == 401
    assert await thief.mail("access_cleared")
    done(await thief.log_in())


async def test_a_thief_adds_no_factor_after_the_owners_link(thief: Person) -> None:
    await follow(thief)
    await thief.come_in()
    for path in ("totp", "mailed-code"):
        answer = await thief.call("POST", f"/v1/second-factor/{path}")
        assert refused(answer) == (403, "step_up_required")
        assert answer.json()["methods"] == ["mailed_code"]
    answer = await thief.call("POST", "/v1/passkeys/options")
    assert refused(answer) == (403, "step_up_required")
    done(await thief.reset(OWNERS))
    assert (await thief.call("GET", "/v1/sessions")).status_code == 401
    assert refused(await thief.log_in()) == (401, "login_failed")
    done(await thief.log_in(password=OWNERS))


async def test_an_app_begun_before_the_owners_link_is_not_taken_into_use_after_it(
    thief: Person,
) -> None:
    begun = done(await thief.call("POST", "/v1/second-factor/totp"))
    thief.secret = begun["secret"]
    await follow(thief)
    await thief.come_in()
    body = {"enrolment": begun["enrolment"], "code": thief.code()}
    answer = await thief.call("POST", "/v1/second-factor/totp/confirm", body)
    assert not answer.is_success
    done(await thief.log_in())


async def test_who_followed_the_link_outside_keeps_the_factor_through_a_new_password(
    thief: Person,
) -> None:
    """As most do: in the browser that the mail opens, where nobody is signed in."""
    await follow(thief)
    await thief.come_in()
    done(await thief.call("POST", "/v1/sessions/step-up/mail"))
    thief.take(await thief.step_up("mailed_code", code=await thief.mailed_code()))
    await thief.with_totp()
    done(await thief.reset(OWNERS))
    assert refused(await thief.log_in(password=OWNERS)) == (401, "second_factor_required")


async def test_a_new_address_takes_no_factor_away(house: House, home: TenantRef) -> None:
    """Its link is followed outside; a new password by the new mail asks for the factor as ever."""
    async with await page_of(house, home) as web:
        person = await (await Person(house, home, web).register()).come_in()
        await person.with_totp()
        body = {"email": f"new.{person.address}"}
        done(await person.call("PUT", "/v1/account/email", body), 202)
        handle, person.name = person.name, f"new.{person.name}"
        token = await person.mailed_token("email_change_confirm")
        done(await web.post("/v1/account/email/change", json={"token": token}))
        done(await person.reset(OWNERS))
        person.name = handle
        answer = await person.log_in(password=OWNERS)
        assert refused(answer) == (401, "second_factor_required")


async def test_an_address_that_a_thief_gave_up_and_its_owner_took_back_is_not_the_thiefs(
    thief: Person,
) -> None:
    """What was planted under the thief's own address ends when the change is undone."""
    await follow(thief)
    await thief.come_in()
    elsewhere = f"lair.{thief.address}"
    done(await thief.call("PUT", "/v1/account/email", {"email": elsewhere}), 202)
    owner, thief.name = thief.name, f"lair.{thief.name}"
    token = await thief.mailed_token("email_change_confirm")
    thief.name = owner
    done(await thief.call("POST", "/v1/account/email/change", {"token": token}))
    passkey = await plant(thief)
    token = await thief.mailed_token("email_change_notice")
    done(await thief.web.post("/v1/account/email/undo", json={"token": token}))
    done(await thief.reset(OWNERS))
    assert not await passkey_opens(thief, passkey)
    done(await thief.log_in(password=OWNERS))


async def test_who_types_the_mailed_code_signed_in_keeps_factors_for_good(thief: Person) -> None:
    """They read the mail and are inside: a later reset by mail asks for the factor as ever."""
    await thief.with_totp()
    code = next(
        line.strip()
        for line in (await thief.mail("confirm_email"))[0].splitlines()
        if line.strip().isdecimal()
    )
    done(await thief.call("POST", "/v1/account/email/confirm-code", {"code": code}))
    done(await thief.call("GET", "/v1/sessions"))
    done(await thief.reset(OWNERS))
    assert refused(await thief.log_in(password=OWNERS)) == (401, "second_factor_required")


async def test_who_follows_the_link_signed_in_keeps_factors_and_sessions(thief: Person) -> None:
    await thief.with_totp()
    token = await thief.mailed_token("confirm_email")
    done(await thief.call("POST", CONFIRM, {"token": token}))
    done(await thief.call("GET", "/v1/sessions"))
    assert refused(await thief.log_in()) == (401, "second_factor_required")


async def test_a_session_of_somebody_else_proves_nothing_about_the_account(
    thief: Person, house: House
) -> None:
    passkey = await plant(thief)
    other = await (await Person(house, thief.home, thief.web).register()).come_in()
    token = await thief.mailed_token("confirm_email")
    done(await other.call("POST", CONFIRM, {"token": token}))
    assert not await passkey_opens(thief, passkey)


async def test_an_account_elsewhere_that_a_thief_linked_opens_nothing_for_the_owner(
    game: Game,
) -> None:
    tokens = await game.register("lurker", email="owner@player.test")
    async with game.player(tokens) as lurker:
        done(await lurker.post("/v1/identities", json=assertion("lurker", email="l@x.test")), 201)
    ticket = await newest_token(game)
    done(await game.web.post(CONFIRM, json={"token": ticket}))
    assert (await game.arrive("lurker"))["userId"] != tokens["userId"]


async def test_the_account_elsewhere_with_which_the_address_came_stays(game: Game) -> None:
    came = await game.arrive("gil", email="gil@player.test", verified="yes")
    done(await game.web.post(CONFIRM, json={"token": await newest_token(game)}))
    assert (await game.arrive("gil"))["userId"] == came["userId"]


async def test_the_owner_who_comes_by_an_account_elsewhere_puts_a_thief_out(game: Game) -> None:
    tokens = await game.register("squatter", email="ora@player.test")
    done(await game.web.post(CONFIRM, json={"token": await newest_token(game)}))
    answer = await game.vouch("ora", email="ora@player.test", verified="yes")
    ticket = answer.json()["linkTicket"]
    sent = done(await game.web.post("/v1/sign-in/link-codes", json={"linkTicket": ticket}))
    body = {"linkTicket": sent["linkTicket"], "code": await mailed_code(game)}
    entered = done(await game.web.post("/v1/sign-in/link", json=body))
    assert entered["userId"] == tokens["userId"]
    body = {"username": "squatter", "password": PASSWORD}
    assert refused(await game.web.post("/login", json=body)) == (401, "login_failed")
    async with game.player(tokens) as squatter:
        assert (await squatter.get("/v1/sessions")).status_code == 401


async def newest_token(game: Game) -> str:
    return (await newest_mail(game)).message.links[-1].partition("token=")[2]


async def test_a_password_that_was_set_beside_an_address_ends_when_its_owner_confirms_it(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    typist = Person(house, home, web)
    stranger = await Person(house, home, web).register(confirmed=False)
    body = {"username": typist.name, "email": stranger.address, "password": PASSWORD}
    typist.player = done(await web.post("/register", json=body), 201)["userId"]
    await typist.come_in()
    await stranger.come_in()
    token = (await stranger.mail("confirm_email"))[-1].partition("token=")[2].split()[0]
    done(await stranger.call("POST", CONFIRM, {"token": token}))
    assert (await typist.call("GET", "/v1/sessions")).status_code == 401
    by_address = {"username": stranger.address, "password": PASSWORD}
    assert done(await web.post("/login", json=by_address))["userId"] == stranger.player
    assert refused(await typist.log_in()) == (401, "login_failed")


async def test_of_an_address_twenty_claims_are_kept_and_the_first_stays(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    first = await Person(house, home, web).register(confirmed=False)
    for number in range(25):
        page = await page_of(house, home)
        body = {"email": first.address, "password": f"{PASSWORD} {number}"}
        done(await page.post("/register", json=body), 201)
        await page.aclose()
    async with house.db.begin(home.schema) as tx:
        kept = await tx.driver.fetchval(
            "SELECT count(*) FROM identity_email WHERE canonical = $1", first.address
        )
    assert kept == 20
    body = {"username": first.address, "password": PASSWORD}
    assert done(await web.post("/login", json=body))["userId"] == first.player


async def test_a_link_to_an_address_that_is_taken_meanwhile_is_not_used_up(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    late, quick = Person(house, home, web), await Person(house, home, web).register()
    async with house.db.begin(home.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_email SET confirmed_at = NULL WHERE player_id = $1", quick.player
        )
    body = {"username": late.name, "email": quick.address, "password": PASSWORD}
    done(await web.post("/register", json=body), 201)
    token = await quick.mailed_token("confirm_email")
    confirm = "UPDATE identity_email SET confirmed_at = {} WHERE player_id = $1"
    for held in (True, False):
        async with house.db.begin(home.schema) as tx:
            statement = confirm.format("now()" if held else "NULL")
            await tx.driver.execute(statement, quick.player)
        answer = await web.post(CONFIRM, json={"token": token})
        if held:
            assert refused(answer) == (409, "email_taken")
        else:
            done(answer)
