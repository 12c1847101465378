"""Operators come in by passkeys, beside the password or alone, and always keep a second factor."""

from typing import Any

import httpx
import pytest
from tests.authenticator import Authenticator
from tests.house import House
from tests.identity.people import Person as Player
from tests.identity.people import set_policy
from tests.staff import PASSWORD, Person, hired, mailed_token, refresh_clock, staff_of
from tests.studio import done, refused

from guildbank.identity.usecases.operators.staff import party_at
from guildbank.tenancy import PasskeySettings, TenantRef

HOME = "http://localhost:8080"
SESSIONS = "/v1/operator/sessions"


async def with_passkey(person: Person, **of: Any) -> Authenticator:
    """Add a passkey to who is signed in."""
    key = Authenticator(HOME, **of)
    options = done(await person.http.post("/v1/operator/passkeys/options"))["options"]
    body = {"credential": key.create(options), "name": "Laptop"}
    done(await person.http.post("/v1/operator/passkeys", json=body))
    return key


async def alone(http: httpx.AsyncClient, key: Authenticator) -> httpx.Response:
    """Sign in by the passkey and nothing else."""
    asked = done(await http.post(f"{SESSIONS}/passkey/options", json={}))
    return await http.post(f"{SESSIONS}/passkey", json={"credential": key.get(asked["options"])})


async def beside(person: Person, key: Authenticator) -> httpx.Response:
    """Type the password and then use the passkey."""
    challenge = {"challenge": (await person.sign_in())["challenge"]}
    asked = done(await person.http.post(f"{SESSIONS}/passkey/options", json=challenge))
    body = {**challenge, "credential": key.get(asked["options"])}
    return await person.http.post(f"{SESSIONS}/passkey", json=body)


async def listed(person: Person) -> list[str]:
    found = done(await person.http.get("/v1/operator/passkeys"))["items"]
    return [one["id"] for one in found]


async def test_a_passkey_is_the_whole_sign_in_and_says_itself_where(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    key = await with_passkey(olga)
    async with house.client(house.app()) as anywhere:
        me = done(await alone(anywhere, key))
        assert (me["tenant"], me["operator"]["id"]) == (guild.slug, olga.id)
        assert me["factors"] == {"app": True, "passkeys": 1, "recoveryCodes": 10}
        assert (await anywhere.get("/v1/operators")).status_code == 200


async def test_who_runs_the_deployment_comes_in_by_one_too(house: House) -> None:
    root = await hired(house.identity, house.client(house.app()), None, "owner")
    key = await with_passkey(root)
    async with house.client(house.app()) as anywhere:
        assert done(await alone(anywhere, key))["tenant"] is None


async def test_it_is_a_second_factor_beside_the_password(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    key = await with_passkey(olga, verified=False)
    half = await olga.sign_in()
    assert half["methods"] == ["totp", "passkey", "recovery_code"]
    olga.took(await beside(olga, key))


async def test_alone_it_must_have_verified_who_holds_it(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    key = await with_passkey(olga, verified=False)
    async with house.client(house.app()) as anywhere:
        assert refused(await alone(anywhere, key)) == (403, "second_factor_failed")


async def test_an_answer_is_good_once(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    key = await with_passkey(olga)
    asked = done(await olga.http.post(f"{SESSIONS}/passkey/options", json={}))
    body = {"credential": key.get(asked["options"])}
    done(await olga.http.post(f"{SESSIONS}/passkey", json=body))
    again = await olga.http.post(f"{SESSIONS}/passkey", json=body)
    assert refused(again) == (403, "second_factor_failed")


async def test_who_is_new_may_begin_with_a_passkey_in_place_of_an_app(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")
    body = {"address": "new@staff.example", "roles": ["support"]}
    done(await olga.agreed.post("/v1/operator-invitations", json=body))
    token = await mailed_token(house.identity, guild, "identity.operator_invitation")
    accept = {"token": token, "name": "Nina", "password": PASSWORD}
    half = done(await browser.post("/v1/operator/invitations/accept", json=accept))
    assert (half["step"], half["methods"]) == ("enrol", ["totp", "passkey"])
    challenge, key = {"challenge": half["challenge"]}, Authenticator(HOME)
    app = done(await browser.post(f"{SESSIONS}/enrol", json=challenge))
    asked = done(await browser.post(f"{SESSIONS}/enrol/passkey", json=challenge))
    made = {**challenge, "credential": key.create(asked["options"]), "name": "Phone"}
    me = done(await browser.post(f"{SESSIONS}/confirm/passkey", json=made))
    assert len(me["recoveryCodes"]) == 10
    nina = Person(house.identity, guild, browser, "new@staff.example", id=me["operator"]["id"])
    half = await nina.sign_in()
    assert (half["step"], half["methods"]) == ("second_factor", ["passkey", "recovery_code"])
    # Neither the app that was begun nor another may now stand in for the passkey.
    nina.secret, challenge = app["secret"], {"challenge": half["challenge"]}
    for path, more in (("enrol", {}), ("enrol/passkey", {}), ("confirm", {"code": nina.code()})):
        answer = await browser.post(f"{SESSIONS}/{path}", json={**challenge, **more})
        assert refused(answer) == (409, "already_enrolled"), path
    nina.took(await nina.finish(half["challenge"], me["recoveryCodes"][0]))


async def test_a_second_factor_always_stays(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    last = (409, "last_factor")
    assert refused(await olga.http.delete("/v1/operator/app")) == last
    await with_passkey(olga)
    assert (await olga.http.delete("/v1/operator/app")).status_code == 204
    (only,) = await listed(olga)
    assert refused(await olga.http.delete(f"/v1/operator/passkeys/{only}")) == last
    await with_passkey(olga)
    assert (await olga.http.delete(f"/v1/operator/passkeys/{only}")).status_code == 204
    (other,) = await listed(olga)
    assert refused(await olga.http.delete(f"/v1/operator/passkeys/{other}")) == last
    gone = await olga.http.delete(f"/v1/operator/passkeys/{only}")
    assert refused(gone) == (404, "not_found")


async def test_a_removed_passkey_opens_nothing_and_ends_what_it_began(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    key = await with_passkey(olga)
    async with house.client(house.app()) as thief:
        done(await alone(thief, key))
        (at,) = await listed(olga)
        assert (await olga.http.delete(f"/v1/operator/passkeys/{at}")).status_code == 204
        assert refused(await thief.get("/v1/operator/me")) == (401, "session_ended")
        assert refused(await alone(thief, key)) == (403, "second_factor_failed")
    assert (await olga.http.get("/v1/operator/me")).status_code == 200


async def test_it_opens_dangerous_calls_anew_if_it_verified_its_holder(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    key = await with_passkey(olga)
    await refresh_clock(house)
    for _ in range(10):
        await refresh_clock(house)
    assert refused(await olga.http.post("/v1/operator/recovery-codes")) == (403, "step_up_required")

    async def proof() -> httpx.Response:
        asked = done(await olga.http.post("/v1/operator/step-up/passkey/options"))
        body = {"credential": key.get(asked["options"])}
        return await olga.http.post("/v1/operator/step-up/passkey", json=body)

    key.verified = False
    assert refused(await proof()) == (403, "second_factor_failed")
    key.verified = True
    olga.took(await proof())
    codes = done(await olga.http.post("/v1/operator/recovery-codes"))["codes"]
    await refresh_clock(house)
    half = await olga.sign_in()
    old = await olga.finish(half["challenge"], olga.codes[0])
    assert refused(old) == (401, "code_wrong")
    olga.took(await olga.finish(half["challenge"], codes[0]))


async def test_it_is_made_for_the_deployments_own_host_and_no_other(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    asked = done(await olga.http.post("/v1/operator/passkeys/options"))["options"]
    assert asked["rp"]["id"] == "localhost"
    for page, rp_id in (("https://evil.example", None), (HOME, "evil.example")):
        asked = done(await olga.http.post("/v1/operator/passkeys/options"))["options"]
        made = {"credential": Authenticator(page).create(asked, rp_id), "name": "x"}
        answer = await olga.http.post("/v1/operator/passkeys", json=made)
        assert refused(answer) == (422, "passkey_refused"), page
    other = house.another(home="https://bank.example")
    async with house.client(house.app(other)) as visitor:
        visitor.headers["host"] = "play.moonlit.example"
        elsewhere = await visitor.post(f"{SESSIONS}/passkey/options", json={})
        assert refused(elsewhere) == (409, "passkeys_off")
    await other.close()


async def test_a_players_passkey_is_worth_nothing_here_and_the_reverse(
    house: House, guild: TenantRef
) -> None:
    # A test tenant may have this machine's name too, so that nothing but us keeps them apart.
    party = PasskeySettings(rp_id="localhost", origins=(HOME,))
    await set_policy(house, guild, passkeys=party)
    olga = await staff_of(house, guild, "owner")
    operators = await with_passkey(olga)
    async with await house.players_client(guild) as web:
        alice = await (await Player(house, guild, web).register()).come_in()
        players = Authenticator(HOME)
        options = done(await alice.call("POST", "/v1/passkeys/options"))["options"]
        body = {"credential": players.create(options), "name": "Phone"}
        assert (await alice.call("POST", "/v1/passkeys", body)).status_code == 201
        players.user = operators.user
        failed = (403, "second_factor_failed")
        assert refused(await alone(olga.http, players)) == failed
        asked = done(await web.post("/v1/sign-in/passkey/options"))["options"]
        credential = operators.get(asked)
        answer = await web.post("/v1/sign-in/passkey", json={"credential": credential})
        assert refused(answer) == failed
        # Nor is a challenge of the one good for the other.
        asked = done(await web.post("/v1/sign-in/passkey/options"))["options"]
        crossed = {"credential": operators.get(asked)}
        assert refused(await olga.http.post(f"{SESSIONS}/passkey", json=crossed)) == failed


async def test_of_who_is_removed_the_id_alone_stays(house: House, guild: TenantRef) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    key = await with_passkey(sam)
    assert (await olga.agreed.delete(f"/v1/operators/{sam.id}")).is_success
    async with house.client(house.app()) as anywhere:
        assert refused(await alone(anywhere, key)) == (403, "second_factor_failed")
    async with house.db.begin(guild.schema, read_only=True) as tx:
        tables = await tx.driver.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace "
            "AND relkind = 'r' AND relname LIKE 'identity_operator%'",
            guild.schema,
        )
        kept = {
            table: str(await tx.driver.fetch(f'SELECT t::text FROM "{table}" AS t'))
            for (table,) in tables
        }
    assert sam.id in kept["identity_operator"], "what was done still names somebody"
    name = sam.address.split("@")[0]
    for table, text in kept.items():
        assert name not in text.lower(), table
        assert table == "identity_operator" or sam.id not in text, table


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("https://bank.example", "bank.example", "https://bank.example"),
        ("https://bank.example:443/", "bank.example", "https://bank.example"),
        ("https://bank.example:8443", "bank.example", "https://bank.example:8443"),
        ("http://127.0.0.1:8080", "localhost", "http://localhost:8080"),
        ("https://192.0.2.7", None, None),
        ("https://[2001:db8::1]", None, None),
    ],
)
def test_the_party_is_the_host_of_the_deployments_address(
    url: str, host: str | None, origin: str | None
) -> None:
    party = party_at(url)
    assert (party and party.rp_id) == host
    assert (party and party.origins) == (None if origin is None else (origin,))


async def test_nobody_comes_in_as_another_by_a_passkey_of_their_own(
    house: House, guild: TenantRef
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    hers, his = await with_passkey(olga), await with_passkey(sam)
    next_door = await house.tenant(f"{guild.slug}-door")
    eve = await staff_of(house, next_door, "owner")
    theirs = await with_passkey(eve)
    failed = (403, "second_factor_failed")
    async with house.client(house.app()) as thief:
        for key in (his, theirs):
            own = key.user
            key.user = hers.user
            assert refused(await alone(thief, key)) == failed
            key.user = own
    # Her password is known to him, and the challenge asks for her passkey.
    half = {"challenge": (await olga.sign_in())["challenge"]}
    asked = done(await sam.http.post(f"{SESSIONS}/passkey/options", json=half))
    crossed = {**half, "credential": his.get(asked["options"])}
    assert refused(await sam.http.post(f"{SESSIONS}/passkey", json=crossed)) == failed
    # Nor is what he was asked good from either of them.
    for key in (his, hers):
        asked = done(await sam.http.post("/v1/operator/step-up/passkey/options"))
        crossed = {**half, "credential": key.get(asked["options"])}
        assert refused(await sam.http.post(f"{SESSIONS}/passkey", json=crossed)) == failed


async def test_anothers_passkey_is_not_found(house: House, guild: TenantRef) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    await with_passkey(sam)
    (his,) = await listed(sam)
    at = f"/v1/operator/passkeys/{his}"
    assert refused(await olga.http.delete(at)) == (404, "not_found")
    assert refused(await olga.http.patch(at, json={"name": "mine"})) == (404, "not_found")
    assert (await sam.http.patch(at, json={"name": "Phone"})).status_code == 204
    assert done(await sam.http.get("/v1/operator/passkeys"))["items"][0]["name"] == "Phone"
