"""A grant that the policy names waits for a second person, and is then done once."""

from tests.approvals.office import ALWAYS, Office, above, decide, read, waits
from tests.studio import done, refused


async def test_without_a_policy_a_grant_is_done_at_once(office: Office) -> None:
    assert done(await office.grant(office.olga.http, 50))["balance"] == 50
    assert await office.kinds() == []


async def test_a_grant_that_waits_gives_nothing_until_another_person_agrees(
    office: Office,
) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    assert (asked["state"], asked["verb"]) == ("pending", "wallets.grant")
    assert asked["requestedBy"] == office.olga.id
    assert asked["command"]["amount"] == 50
    assert await office.coins() == 0
    agreed = done(await decide(office.pavel, asked, note="it was promised"))
    assert (agreed["state"], agreed["decidedBy"]) == ("executed", office.pavel.id)
    assert agreed["note"] == "it was promised"
    assert agreed["answer"]["balance"] == 50
    assert agreed["answer"]["transactionId"] == agreed["transactionId"]
    assert await office.coins() == 50


async def test_the_chain_says_who_asked_and_who_agreed(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    done(await decide(office.pavel, asked))
    rows = await office.studio.sql(
        "SELECT kind, principal, data FROM journal_entry WHERE seq > 2 ORDER BY seq"
    )
    told = [(row[0], row[1]) for row in rows][-3:]
    assert told == [
        ("approval.requested", office.olga.id),
        ("approval.executed", office.pavel.id),
        ("wallets.granted", office.olga.id),
    ]
    assert asked["id"] in rows[-2][2]
    assert office.olga.id in rows[-2][2]


async def test_a_replay_answers_with_the_same_approval_for_ever(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50, key="once"))
    assert waits(await office.grant(office.olga.http, 50, key="once"))["id"] == asked["id"]
    other = await office.grant(office.olga.http, 51, key="once")
    assert refused(other) == (409, "key_reused")
    done(await decide(office.pavel, asked))
    again = waits(await office.grant(office.olga.http, 50, key="once"))
    assert (again["id"], again["state"]) == (asked["id"], "executed")
    assert again["answer"]["balance"] == 50
    assert await office.coins() == 50


async def test_a_key_that_was_used_before_four_eyes_answers_as_it_did(office: Office) -> None:
    first = done(await office.grant(office.olga.http, 50, key="early"))
    await office.policy(ALWAYS)
    assert done(await office.grant(office.olga.http, 50, key="early")) == first
    assert await office.coins() == 50


async def test_what_would_be_refused_now_is_not_stored(office: Office) -> None:
    await office.policy(ALWAYS)
    answer = await office.grant(office.olga.http, 5, playerId="player_01kag3pyqmf9aag12vtrsy70ps")
    assert refused(answer) == (404, "unknown_account")
    assert await office.kinds("approval.requested") == []


async def test_a_grant_below_the_threshold_is_done_and_one_above_it_waits(office: Office) -> None:
    await office.policy(above(100))
    assert done(await office.grant(office.olga.http, 100))["balance"] == 100
    assert waits(await office.grant(office.olga.http, 1))["amounts"] == [
        {"asset": "GEM", "amount": 1}
    ]


async def test_metadata_is_shown_to_who_decides(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 5, metadata={"quest": "dragon"}))
    assert (await read(office.pavel, asked))["command"]["said"] == {"quest": "dragon"}
    (row,) = await office.studio.sql(
        "SELECT command, t::text FROM approvals_request AS t WHERE verb = 'wallets.grant'"
    )
    assert b"dragon" not in row[0]
    assert "dragon" not in row[1]
    agreed = done(await decide(office.pavel, asked))
    said = await office.studio.sql("SELECT count(*) FROM journal_payload")
    assert (agreed["state"], said[0][0]) == ("executed", 1)


async def test_a_refusal_at_the_end_consumes_nothing(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    closed = {"active": False}
    done(await office.studio.http.patch("/v1/currencies/GEM", json=closed))
    assert refused(await decide(office.pavel, asked)) == (422, "currency_inactive")
    assert (await read(office.pavel, asked))["state"] == "pending"
    done(await office.studio.http.patch("/v1/currencies/GEM", json={"active": True}))
    done(await decide(office.pavel, asked))
    assert await office.coins() == 50


async def test_an_answer_that_was_lost_is_answered_again(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    first = done(await decide(office.pavel, asked))
    assert done(await decide(office.pavel, asked)) == first
    assert await office.coins() == 50
    third = await office.person("owner")
    assert refused(await decide(third, asked)) == (409, "approval_closed")


async def test_a_batch_is_refused_what_needs_a_second_person(office: Office) -> None:
    await office.policy(above(10))
    batch = [
        {"verb": "grant", "key": f"b{n}", "playerId": office.player, "currency": "GEM", "amount": 4}
        for n in range(5)
    ]
    answer = await office.studio.http.post(
        "/v1/operations:batch", json={"mode": "each", "operations": batch}
    )
    told = [(one["status"], one["code"]) for one in done(answer)["outcomes"]]
    assert told == [("done", None)] * 2 + [("refused", "approval_required")] * 3
    assert await office.coins() == 8
