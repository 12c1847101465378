"""A grant gives free coins once, to players of the tenant alone."""

from tests.studio import GEM, Studio, done, refused


async def test_a_grant_lands_in_the_free_bucket(studio: Studio, player: str) -> None:
    answer = await studio.grant(player, 70)
    assert answer["buckets"] == [{"bucket": "free", "amount": 70}]
    assert (answer["balance"], answer["available"], answer["debt"]) == (70, 70, 0)
    assert await studio.buckets(player) == {"free": 70}


async def test_no_field_of_a_grant_chooses_another_bucket(studio: Studio, player: str) -> None:
    assert refused(await studio.move("grant", player, 5, bucket="paid")) == (422, "unknown_field")
    assert await studio.buckets(player) == {}


async def test_a_player_nobody_added_gets_nothing(studio: Studio) -> None:
    stranger = "player_01kag3pyqmf9aag12vtrsy70ps"
    answer = await studio.move("grant", stranger, 5)
    assert refused(answer) == (404, "unknown_account")
    assert answer.json()["field"] == "playerId"
    assert refused(await studio.move("grant", stranger, 5, metadata={"a": "b"}))[0] == 404


async def test_another_tenants_player_is_unknown_here(studio: Studio, rival: Studio) -> None:
    theirs = await rival.player()
    assert refused(await studio.move("grant", theirs, 5)) == (404, "unknown_account")
    assert await rival.buckets(theirs) == {}


async def test_a_replay_gives_the_same_bytes_also_after_later_changes(
    studio: Studio, player: str
) -> None:
    first = await studio.move("grant", player, 10, key="once")
    await studio.spend(player, 4)
    await studio.grant(player, 100)
    again = await studio.move("grant", player, 10, key="once")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await studio.buckets(player) == {"free": 106}


async def test_a_key_used_for_another_command_is_refused(studio: Studio, player: str) -> None:
    await studio.grant(player, 10, key="k")
    answer = await studio.move("grant", player, 11, key="k")
    assert refused(answer) == (409, "key_reused")
    assert refused(await studio.move("grant", player, 10, key="k", metadata={"q": "1"})) == (
        409,
        "key_reused",
    )
    assert await studio.buckets(player) == {"free": 10}


async def test_the_same_metadata_is_the_same_command(studio: Studio, player: str) -> None:
    first = await studio.move("grant", player, 10, key="k", metadata={"quest": "dragon", "b": "2"})
    again = await studio.move("grant", player, 10, key="k", metadata={"b": "2", "quest": "dragon"})
    assert first.content == again.content
    assert await studio.buckets(player) == {"free": 10}


async def test_verbs_do_not_share_keys(studio: Studio, player: str) -> None:
    await studio.grant(player, 10, key="k")
    await studio.spend(player, 10, key="k")
    assert await studio.buckets(player) == {}


async def test_metadata_is_nowhere_in_clear_and_its_hash_is_in_the_entry(
    studio: Studio, player: str
) -> None:
    secret = "anna.karenina@example.org"
    first = await studio.grant(player, 1, metadata={"mail": secret})
    second = await studio.grant(player, 1, metadata={"mail": secret})
    tables = await studio.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'",
        studio.ref.schema,
    )
    assert len(tables) > 10
    needles = (secret, secret.encode().hex())
    for (table,) in tables:
        rows = await studio.sql(f'SELECT t::text FROM "{table}" AS t')
        assert not [row for row in rows if any(needle in row[0] for needle in needles)], table
    hashes = [
        done(await studio.http.get(f"/v1/transactions/{one['transactionId']}"))["data"]["payload"]
        for one in (first, second)
    ]
    assert len(hashes[0]) >= 32
    assert hashes[0] == hashes[1]
    other = await studio.player()
    theirs = await studio.grant(other, 1, metadata={"mail": secret})
    explained = done(await studio.http.get(f"/v1/transactions/{theirs['transactionId']}"))
    # Each person's hash is salted under a key of their own: equal texts do not look equal.
    assert explained["data"]["payload"] != hashes[0]


async def test_an_unknown_currency_is_refused(studio: Studio, player: str) -> None:
    body = {"playerId": player, "currency": "NOPE", "amount": 1}
    answer = await studio.post("/v1/grants", body)
    assert refused(answer) == (422, "unknown_currency")
    assert answer.json()["field"] == "currency"
    body["currency"] = "EUR"
    assert refused(await studio.post("/v1/grants", body)) == (422, "unknown_currency")


async def test_amounts_that_are_no_amounts_change_nothing(studio: Studio, player: str) -> None:
    for amount in (0, -1, 1.5, "5", 2**53, 10**30, None, True):
        body = {"playerId": player, "currency": GEM, "amount": amount}
        answer = await studio.post("/v1/grants", body)
        assert answer.status_code == 422, (amount, answer.text)
        assert answer.json()["field"] == "amount"
    assert await studio.buckets(player) == {}


async def test_a_grant_needs_its_key(studio: Studio, player: str) -> None:
    body = {"playerId": player, "currency": GEM, "amount": 1}
    answer = await studio.http.post("/v1/grants", json=body)
    assert refused(answer) == (400, "idempotency_key_required")


async def test_no_total_passes_the_cap_of_its_currency(studio: Studio, player: str) -> None:
    await studio.sql("UPDATE ledger_asset SET cap = 1000 WHERE code = $1", GEM)
    await studio.grant(player, 900)
    await studio.spend(player, 900)
    # 900 were credited in all, though nothing is left of them.
    assert refused(await studio.move("grant", player, 101)) == (422, "total_overflow")
    await studio.grant(player, 100)
    assert await studio.buckets(player) == {"free": 100}


async def test_no_wallet_holds_more_than_json_carries_exactly(studio: Studio, player: str) -> None:
    await studio.bonus(player, 2**53 - 11)
    await studio.grant(player, 10)
    answer = await studio.move("grant", player, 1)
    assert refused(answer) == (422, "total_overflow")
    assert answer.json()["field"] == "amount"
    assert (await studio.wallet(player))["total"] == 2**53 - 1
