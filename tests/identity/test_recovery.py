"""Players confirm and change addresses, and choose new passwords, by what is mailed to them."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from tests.house import House
from tests.identity.reader import OTHER, PASSWORD, Meet, Person, done, refused

from guildbank.tenancy import TenantRef


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("recovery-home")


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await house.players_client(home) as client:
        yield client


@pytest.fixture
def person(house: House, home: TenantRef, web: httpx.AsyncClient) -> Meet:
    return lambda name: Person(house, home, web, name)


async def test_the_mailed_link_confirms_an_address_once(person: Meet) -> None:
    ada = await person("ada").registers()
    assert [one.template for one in await ada.mail()] == ["identity.confirm_email"]
    token = await ada.link("confirm_email")
    assert done(await ada.asks("POST", "/email/confirm", token=token))
    again = await ada.asks("POST", "/email/confirm", token=token)
    assert refused(again) == (422, "ticket_not_valid")
    assert (await ada.signs_in(ada.address)).status_code == 200


async def test_the_mailed_code_confirms_an_address_and_has_five_tries(person: Meet) -> None:
    bea = await person("bea").registers()
    await bea.signs_in()
    (mail,) = await bea.mail()
    found = re.search(r"^\d{8}$", mail.message.text, re.MULTILINE)
    assert found is not None
    code = found.group()
    wrong = f"{(int(code) + 1) % 10**8:08}"
    assert refused(await bea.asks("POST", "/email/confirm-code", code=wrong)) == (
        422,
        "ticket_not_valid",
    )
    assert done(await bea.asks("POST", "/email/confirm-code", code=code))
    cat = await person("cat").registers()
    await cat.signs_in()
    (mail,) = await cat.mail()
    found = re.search(r"^\d{8}$", mail.message.text, re.MULTILINE)
    assert found is not None
    wrong = f"{(int(found.group()) + 1) % 10**8:08}"
    for _ in range(5):
        await cat.asks("POST", "/email/confirm-code", code=wrong)
    assert refused(await cat.asks("POST", "/email/confirm-code", code=found.group())) == (
        422,
        "ticket_not_valid",
    )
    # The link of the same mail is no guess, and stays good.
    await cat.confirms()


async def test_confirming_strips_the_address_the_password_and_the_sessions_of_who_claimed_it(
    person: Meet,
) -> None:
    mallory = await person("mallory").registers(email="owner@mail.example", password=OTHER)
    assert (await mallory.signs_in(password=OTHER)).status_code == 200
    owner = await person("owner").registers()
    token = await owner.link("confirm_email")
    assert done(await owner.asks("POST", "/email/confirm", token=token))
    assert await mallory.calls() == 401
    by_address = await mallory.signs_in("owner@mail.example", password=OTHER)
    assert refused(by_address) == (401, "login_failed")
    assert refused(await mallory.signs_in(password=OTHER)) == (401, "login_failed")
    assert (await owner.signs_in("owner@mail.example")).status_code == 200


async def test_of_two_who_confirm_one_address_at_once_one_holds_it(person: Meet) -> None:
    address = "wanted@mail.example"
    people = [await person(f"twin{n}").registers(email=address) for n in range(4)]
    tokens = [one.message.links[-1].partition("token=")[2] for one in await people[0].mail(address)]
    assert len(tokens) == 4
    answers = await asyncio.gather(
        *(people[0].asks("POST", "/email/confirm", token=token) for token in tokens)
    )
    # Who loses finds the address taken, or the claim gone already.
    assert sorted(one.is_success for one in answers) == [False, False, False, True]
    assert {refused(one)[1] for one in answers if not one.is_success} <= {
        "email_taken",
        "ticket_not_valid",
    }
    came_in = [one for one in people if (await one.signs_in()).is_success]
    assert [(await one.profile()).email for one in came_in] == [address]


async def test_who_registers_with_a_known_address_learns_nothing_and_its_owner_is_told(
    person: Meet,
) -> None:
    await (await person("dora").registers()).confirms()
    stranger = await person("stranger").registers(email="dora@mail.example")
    newest = (await stranger.mail("dora@mail.example"))[0]
    assert newest.template == "identity.already_registered"
    assert "confirm" not in newest.message.text.lower()
    await stranger.signs_in()
    answer = await stranger.asks("POST", "/email/confirm-code", code="12345678")
    assert refused(answer) == (422, "ticket_not_valid")


async def test_a_forgotten_password_is_chosen_anew_once_and_ends_all_sessions(person: Meet) -> None:
    eve = await (await person("eve").registers()).confirms()
    await eve.signs_in()
    old = eve.token
    assert done(await eve.asks("POST", "/password/forgotten", email="EVE@mail.example"))
    token = await eve.link("reset_password")
    weak = await eve.asks("POST", "/password/reset", token=token, password="password1")
    assert refused(weak) == (422, "weak_password")
    assert done(await eve.asks("POST", "/password/reset", token=token, password=OTHER))
    eve.token = old
    assert await eve.calls() == 401
    assert refused(await eve.signs_in()) == (401, "login_failed")
    assert (await eve.signs_in(password=OTHER)).status_code == 200
    assert "identity.password_changed" in [one.template for one in await eve.mail()]
    again = await eve.asks("POST", "/password/reset", token=token, password=PASSWORD)
    assert refused(again) == (422, "ticket_not_valid")


async def test_a_reset_link_ends_after_thirty_minutes_and_by_a_newer_password(
    house: House, person
) -> None:
    fay = await (await person("fay").registers()).confirms()
    await fay.asks("POST", "/password/forgotten", email=fay.address)
    first = await fay.link("reset_password")
    house.clock.advance(timedelta(minutes=30))
    late = await fay.asks("POST", "/password/reset", token=first, password=OTHER)
    assert refused(late) == (422, "ticket_not_valid")
    await fay.asks("POST", "/password/forgotten", email=fay.address)
    second = await fay.link("reset_password")
    await fay.signs_in()
    changed = await fay.asks("PUT", "/password", password=OTHER, currentPassword=PASSWORD)
    assert done(changed)
    stolen = await fay.asks("POST", "/password/reset", token=second, password=PASSWORD)
    assert refused(stolen) == (422, "ticket_not_valid")


async def test_of_parallel_resets_with_one_link_one_sets_the_password(person: Meet) -> None:
    gil = await (await person("gil").registers()).confirms()
    await gil.asks("POST", "/password/forgotten", email=gil.address)
    token = await gil.link("reset_password")
    passwords = [f"{OTHER} {number}" for number in range(4)]
    answers = await asyncio.gather(
        *(
            gil.asks("POST", "/password/reset", token=token, password=password)
            for password in passwords
        )
    )
    assert sorted(one.status_code for one in answers) == [200, 422, 422, 422]
    fits = [(await gil.signs_in(password=password)).status_code for password in passwords]
    assert [one.status_code for one in answers] == [200 if fit == 200 else 422 for fit in fits]


async def test_an_address_that_nobody_confirmed_recovers_no_account(person: Meet) -> None:
    hal = await person("hal").registers()
    assert done(await hal.asks("POST", "/password/forgotten", email=hal.address))
    assert (await hal.mail())[0].template == "identity.no_account"
    known = await hal.asks("POST", "/password/forgotten", email="nobody@mail.example")
    assert known.status_code == 202
    assert (await hal.mail("nobody@mail.example"))[0].template == "identity.no_account"


async def test_nobody_is_sent_more_mail_than_a_person_would_ask_for(person: Meet) -> None:
    ian = await (await person("ian").registers()).confirms()
    for _ in range(10):
        answer = await ian.asks("POST", "/password/forgotten", email=ian.address)
        assert answer.status_code == 202
    sent = [one for one in await ian.mail() if one.template == "identity.reset_password"]
    assert len(sent) == 6


async def test_a_password_is_changed_by_who_knows_it_and_ends_the_other_sessions(
    person: Meet,
) -> None:
    joe = await person("joe").registers()
    await joe.signs_in()
    elsewhere = joe.token
    await joe.signs_in()
    wrong = await joe.asks("PUT", "/password", password=OTHER, currentPassword=OTHER)
    assert refused(wrong) == (401, "login_failed")
    missing = await joe.asks("PUT", "/password", password=OTHER)
    assert refused(missing) == (422, "missing_field")
    same = await joe.asks("PUT", "/password", password="joe@mail.example", currentPassword=PASSWORD)
    assert refused(same) == (422, "weak_password")
    assert done(await joe.asks("PUT", "/password", password=OTHER, currentPassword=PASSWORD))
    assert await joe.calls() == 200
    joe.token = elsewhere
    assert await joe.calls() == 401
    assert (await joe.signs_in(password=OTHER)).status_code == 200


async def test_a_stolen_session_is_no_place_to_guess_the_password(person: Meet) -> None:
    kim = await person("kim").registers()
    await kim.signs_in()
    told = [
        refused(await kim.asks("PUT", "/password", password=OTHER, currentPassword=f"guess {n}"))
        for n in range(8)
    ]
    assert (429, "login_throttled") in told
    assert (await kim.signs_in()).status_code == 200


async def test_an_address_changes_when_the_new_one_confirms_and_the_old_one_can_undo(
    person: Meet,
) -> None:
    lea = await (await person("lea").registers()).confirms()
    await lea.signs_in()
    new = "lea.new@mail.example"
    assert done(await lea.asks("PUT", "/email", email=new))
    assert (await lea.signs_in(new)).status_code == 401
    token = await lea.link("email_change_confirm", new)
    assert done(await lea.asks("POST", "/email/change", token=token))
    assert (await lea.signs_in(new)).status_code == 200
    assert (await lea.signs_in(lea.address)).status_code == 401
    undo = await lea.link("email_change_notice")
    thief = lea.token
    assert done(await lea.asks("POST", "/email/undo", token=undo))
    lea.token = thief
    assert await lea.calls() == 401
    # Whoever changed the address may know the password: the owner chooses a new one by mail.
    assert refused(await lea.signs_in(lea.address)) == (401, "login_failed")
    await lea.asks("POST", "/password/forgotten", email=lea.address)
    token = await lea.link("reset_password")
    assert done(await lea.asks("POST", "/password/reset", token=token, password=OTHER))
    assert (await lea.signs_in(lea.address, OTHER)).status_code == 200
    again = await lea.asks("POST", "/email/undo", token=undo)
    assert refused(again) == (422, "ticket_not_valid")


async def test_undoing_the_first_change_also_ends_the_undoing_of_later_ones(person: Meet) -> None:
    mia = await (await person("mia").registers()).confirms()
    for address in ("thief1@mail.example", "thief2@mail.example"):
        mia.house.clock.advance(timedelta(minutes=1))
        await mia.signs_in()
        assert done(await mia.asks("PUT", "/email", email=address))
        token = await mia.link("email_change_confirm", address)
        assert done(await mia.asks("POST", "/email/change", token=token))
    thiefs = await mia.link("email_change_notice", "thief1@mail.example")
    owners = await mia.link("email_change_notice")
    assert done(await mia.asks("POST", "/email/undo", token=thiefs))
    assert done(await mia.asks("POST", "/email/undo", token=owners))
    await mia.asks("POST", "/password/forgotten", email=mia.address)
    token = await mia.link("reset_password")
    assert done(await mia.asks("POST", "/password/reset", token=token, password=OTHER))
    assert (await mia.signs_in(mia.address, OTHER)).status_code == 200


async def test_an_undo_comes_too_late_after_three_days(house: House, person: Meet) -> None:
    nan = await (await person("nan").registers()).confirms()
    await nan.signs_in()
    await nan.asks("PUT", "/email", email="nan.new@mail.example")
    token = await nan.link("email_change_confirm", "nan.new@mail.example")
    assert done(await nan.asks("POST", "/email/change", token=token))
    undo = await nan.link("email_change_notice")
    house.clock.advance(timedelta(hours=72))
    late = await nan.asks("POST", "/email/undo", token=undo)
    assert refused(late) == (422, "ticket_not_valid")


async def test_an_address_is_changed_only_soon_after_a_sign_in(house: House, person: Meet) -> None:
    oda = await person("oda").registers()
    signed_in = (await oda.signs_in()).json()
    house.clock.advance(timedelta(minutes=11))
    body = {"refreshToken": signed_in["refreshToken"]}
    oda.token = (await oda.web.post("/v1/sessions/refresh", json=body)).json()["token"]
    answer = await oda.asks("PUT", "/email", email="oda.new@mail.example")
    assert refused(answer) == (403, "step_up_required")


async def test_an_address_of_another_is_not_taken_by_a_change(person: Meet) -> None:
    pia = await (await person("pia").registers()).confirms()
    rob = await (await person("rob").registers()).confirms()
    await rob.signs_in()
    assert done(await rob.asks("PUT", "/email", email=pia.address))
    assert (await pia.mail())[0].template == "identity.already_registered"
    assert (await pia.signs_in(pia.address)).status_code == 200
    same = await rob.asks("PUT", "/email", email=rob.address)
    assert refused(same) == (422, "invalid_value")


async def test_links_of_one_tenant_or_purpose_are_nothing_elsewhere(
    house: House, person: Meet
) -> None:
    sue = await person("sue").registers()
    token = await sue.link("confirm_email")
    other = await house.tenant("recovery-elsewhere")
    async with await house.players_client(other) as elsewhere:
        stranger = Person(house, other, elsewhere, "sue")
        answer = await stranger.asks("POST", "/email/confirm", token=token)
        assert refused(answer) == (422, "ticket_not_valid")
    for path, more in (
        ("/email/undo", {}),
        ("/email/change", {}),
        ("/password/reset", {"password": OTHER}),
    ):
        assert refused(await sue.asks("POST", path, token=token, **more)) == (
            422,
            "ticket_not_valid",
        )
    await sue.confirms()
