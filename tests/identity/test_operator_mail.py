"""An operator hears by mail of every change of how they come in, and of a browser that is new."""

from collections.abc import Sequence

import httpx
import pytest
from tests.authenticator import Authenticator
from tests.house import House
from tests.staff import PASSWORD, Person, hired, mail_to, mailed_token, refresh_clock, staff_of
from tests.studio import done, refused

from guildbank.identity import Operator, clear_operator_factors, find_operator
from guildbank.identity.usecases.operators.set_password import reset_password
from guildbank.notify import list_mailbox
from guildbank.tenancy import TenantRef

HOME = "http://localhost:8080"
OTHER = "nine lanterns under snow"


async def heard(person: Person) -> Sequence[str]:
    """Return the names of what was mailed to the person, oldest first."""
    return [name for name, _ in await mail_to(person.identity, person.tenant, person.address)]


async def last(person: Person, locale: str = "en") -> str:
    """Return the newest mail as it is read."""
    found = await mail_to(person.identity, person.tenant, person.address, locale)
    return f"{found[-1][1].subject}\n{found[-1][1].text}"


async def add_passkey(person: Person) -> Authenticator:
    key = Authenticator(HOME)
    options = done(await person.http.post("/v1/operator/passkeys/options"))["options"]
    body = {"credential": key.create(options), "name": "Laptop"}
    done(await person.http.post("/v1/operator/passkeys", json=body))
    return key


async def test_the_first_app_is_told_of_and_its_sign_in_is_no_other_news(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    assert await heard(olga) == ["operator_factor_added"]
    text = await last(olga)
    assert "An authenticator app was set up" in text
    assert f"Time: {house.clock.now():%Y-%m-%d %H:%M} UTC" in text
    assert "From the address: 127.0.0.1" in text
    # The deployment's own page, whatever the address of the tenant's players' site.
    assert f"{house.identity.notify.public_url}/operator?tenant={guild.slug}" in text
    assert "приложение с кодами" in await last(olga, "ru")


async def test_every_change_of_a_factor_is_told_of(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    http = olga.http
    await add_passkey(olga)
    assert "A passkey was added" in await last(olga)
    begun = done(await http.post("/v1/operator/app"))
    wrong = await http.post("/v1/operator/app/confirm", json={"code": "000000"})
    assert refused(wrong) == (401, "code_wrong")
    assert await heard(olga) == ["operator_factor_added"] * 2, "what was refused is no news"
    olga.secret = begun["secret"]
    done(await http.post("/v1/operator/app/confirm", json={"code": olga.code()}))
    assert "An earlier app" in await last(olga)
    done(await http.post("/v1/operator/recovery-codes"))
    assert "Ten new recovery codes" in await last(olga)
    assert (await http.delete("/v1/operator/app")).status_code == 204
    assert "its codes open nothing any more" in await last(olga)
    await add_passkey(olga)
    first, _ = done(await http.get("/v1/operator/passkeys"))["items"]
    assert (await http.delete(f"/v1/operator/passkeys/{first['id']}")).status_code == 204
    assert "A passkey of your account" in await last(olga)
    assert await heard(olga) == [
        *["operator_factor_added"] * 3,
        "operator_codes_renewed",
        "operator_factor_removed",
        "operator_factor_added",
        "operator_factor_removed",
    ]


async def test_a_first_passkey_is_told_of(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")
    body = {"address": "nina@staff.example", "roles": ["support"]}
    done(await olga.agreed.post("/v1/operator-invitations", json=body))
    token = await mailed_token(house.identity, guild, "identity.operator_invitation")
    accept = {"token": token, "name": "Nina", "password": PASSWORD}
    half = done(await browser.post("/v1/operator/invitations/accept", json=accept))
    challenge, key = {"challenge": half["challenge"]}, Authenticator(HOME)
    asked = done(await browser.post("/v1/operator/sessions/enrol/passkey", json=challenge))
    made = {**challenge, "credential": key.create(asked["options"]), "name": "Phone"}
    done(await browser.post("/v1/operator/sessions/confirm/passkey", json=made))
    nina = Person(house.identity, guild, browser, "nina@staff.example")
    assert await heard(nina) == ["operator_invitation", "operator_factor_added"]
    assert "A passkey was added" in await last(nina)


async def test_a_password_is_told_of_however_it_is_set(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    body = {"oldPassword": PASSWORD, "password": OTHER}
    assert (await olga.http.post("/v1/operator/password", json=body)).status_code == 204
    assert "was changed" in await last(olga)
    await olga.http.post("/v1/operator/password/forgot", json={"address": olga.address})
    token = await mailed_token(house.identity, guild, "identity.operator_reset")
    assert await reset_password(house.identity, token, PASSWORD) is None
    changed = "operator_password_changed"
    assert (await heard(olga))[1:] == [changed, "operator_reset", changed]
    # Nobody called from anywhere here, and the mail does not make an address up.
    assert "From the address: —" in await last(olga)


async def test_a_browser_that_is_new_is_told_of_and_one_that_is_known_is_not(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    await refresh_clock(house)
    await olga.come_in()
    assert await heard(olga) == ["operator_factor_added"], "the browser of the first sign-in"
    await refresh_clock(house)
    async with await house.players_client(guild) as cafe:
        cafe.headers["user-agent"] = "Firefox/140 \x7f(cafe)"
        elsewhere = Person(olga.identity, guild, cafe, olga.address, secret=olga.secret)
        await elsewhere.come_in()
        text = await last(olga)
        assert "Browser: Firefox/140 (cafe)" in text
        assert "From the address: 127.0.0.1" in text
        await refresh_clock(house)
        await elsewhere.come_in()
    assert (await heard(olga))[1:] == ["operator_new_device"]


async def test_a_browser_is_known_for_each_of_those_who_use_it(
    house: House, guild: TenantRef
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    async with await house.players_client(guild) as shared:
        for who in (olga, sam, olga, sam):
            await refresh_clock(house)
            await Person(who.identity, guild, shared, who.address, secret=who.secret).come_in()
        assert (await heard(olga))[1:] == (await heard(sam))[1:] == ["operator_new_device"]
    async with await house.players_client(guild) as thief:
        # Neither another's token nor one that was made up says that she was here.
        thief.headers["cookie"] = "; ".join(
            f"guildbank-device-{at}={token}"
            for at, token in enumerate(("A" * 43, *sam.http.cookies.values()))
        )
        await refresh_clock(house)
        await Person(olga.identity, guild, thief, olga.address, secret=olga.secret).come_in()
    assert (await heard(olga))[1:] == ["operator_new_device"] * 2


async def test_a_password_alone_makes_no_browser_known(house: House, guild: TenantRef) -> None:
    olga = await staff_of(house, guild, "owner")
    await refresh_clock(house)
    async with await house.players_client(guild) as thief:
        stolen = Person(olga.identity, guild, thief, olga.address, secret=olga.secret)
        await stolen.sign_in()
        assert await heard(olga) == ["operator_factor_added"]
        await stolen.come_in()
    assert (await heard(olga))[1:] == ["operator_new_device"]


@pytest.mark.parametrize("deployment", [False, True])
async def test_a_passkey_alone_in_a_browser_that_is_new_is_told_of(
    house: House, guild: TenantRef, deployment: bool
) -> None:
    tenant = None if deployment else guild
    olga = await hired(house.identity, house.client(house.app()), tenant, "owner")
    key = await add_passkey(olga)

    async def alone(http: httpx.AsyncClient) -> None:
        asked = done(await http.post("/v1/operator/sessions/passkey/options", json={}))
        body = {"credential": key.get(asked["options"])}
        done(await http.post("/v1/operator/sessions/passkey", json=body))

    await alone(olga.http)
    assert (await heard(olga))[2:] == []
    async with house.client(house.app()) as anywhere:
        for _ in range(2):
            await alone(anywhere)
    assert (await heard(olga))[2:] == ["operator_new_device"]
    place = "deployment=true" if deployment else f"tenant={guild.slug}"
    assert f"/operator?{place}" in await last(olga)


async def test_none_of_it_lies_in_the_mailbox_of_a_test_tenant(
    house: House, guild: TenantRef
) -> None:
    assert guild.mode == "test"
    olga = await staff_of(house, guild, "owner")
    assert await heard(olga)
    assert await list_mailbox(house.identity.notify, guild, None, 50) == []


async def test_who_lost_every_factor_is_helped_by_a_colleague_and_told_of_it(
    house: House, guild: TenantRef
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    await add_passkey(sam)
    half = await sam.sign_in()
    path = f"/v1/operators/{sam.id}/clear-factors"
    done(await olga.agreed.post(path))
    assert done(await olga.http.get(f"/v1/operators/{sam.id}"))["secondFactor"] is False
    assert refused(await sam.http.get("/v1/operator/me")) == (401, "session_ended")
    text = await last(sam)
    assert text.startswith("The second factors of your account")
    assert f"{olga.address.split('@')[0].title()} removed the authenticator app" in text
    # What was begun before ends, and no recovery code of before opens anything.
    begun = await sam.finish(half["challenge"], sam.codes[0])
    assert refused(begun) == (401, "challenge_ended")
    half = await sam.sign_in()
    assert (half["step"], half["methods"]) == ("enrol", ["totp", "passkey"])
    await sam.enrol(half["challenge"])
    assert refused(await olga.agreed.post(f"/v1/operators/{olga.id}/clear-factors")) == (
        409,
        "not_oneself",
    )


async def test_nobody_takes_factors_of_who_can_do_more_or_has_none(
    house: House, guild: TenantRef
) -> None:
    olga, adam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "admin")
    sam = await staff_of(house, guild, "support")
    taken = await adam.agreed.post(f"/v1/operators/{olga.id}/clear-factors")
    assert refused(taken) == (403, "permission_not_held")
    taken = await sam.agreed.post(f"/v1/operators/{adam.id}/clear-factors")
    assert refused(taken) == (403, "forbidden")
    done(await adam.agreed.post(f"/v1/operators/{sam.id}/clear-factors"))
    again = await adam.agreed.post(f"/v1/operators/{sam.id}/clear-factors")
    assert refused(again) == (409, "no_second_factor")
    elsewhere = await house.tenant(f"{guild.slug}-far")
    eve = await staff_of(house, elsewhere, "owner")
    taken = await eve.agreed.post(f"/v1/operators/{adam.id}/clear-factors")
    assert refused(taken) == (404, "not_found")
    assert await heard(adam) == ["operator_factor_added"]


@pytest.mark.parametrize("deployment", [False, True])
async def test_the_host_helps_too_and_the_mail_says_so(
    house: House, guild: TenantRef, deployment: bool
) -> None:
    tenant = None if deployment else guild
    olga = await hired(house.identity, house.client(house.app()), tenant, "owner")
    plane = await house.identity.staff.plane(tenant)
    found = await find_operator(house.identity, plane, olga.address)
    assert isinstance(found, Operator)
    cleared = await clear_operator_factors(house.identity, plane, None, found.id)
    assert isinstance(cleared, Operator)
    assert not cleared.second_factor
    assert "Somebody at the server itself removed" in await last(olga)
    assert "Кто-то с доступом к самому серверу" in await last(olga, "ru")
    await refresh_clock(house)
    assert (await olga.sign_in())["step"] == "enrol"


async def test_two_people_are_needed(house: House, guild: TenantRef) -> None:
    olga, otto = await staff_of(house, guild, "owner"), await staff_of(house, guild, "owner")
    sam = await staff_of(house, guild, "support")
    waits = await olga.http.post(f"/v1/operators/{sam.id}/clear-factors")
    assert waits.status_code == 202, waits.text
    assert await heard(sam) == ["operator_factor_added"]
    at = waits.json()["id"]
    assert (await sam.sign_in())["step"] == "second_factor"
    done(await otto.http.post(f"/v1/approvals/{at}/approve", json={}))
    assert await heard(sam) == ["operator_factor_added", "operator_factors_cleared"]
    assert f"{olga.address.split('@')[0].title()} removed" in await last(sam)
    assert (await sam.sign_in())["step"] == "enrol"
