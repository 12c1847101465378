"""What must hold of a tenant after a run: read back, and held against the model."""

from typing import TYPE_CHECKING

from tests.laws.coins import Coin
from tests.laws.desk import OPEN
from tests.laws.till import MONEY

from guildbank.journal.usecases.verify import verify_journal
from guildbank.kernel import Refusal
from guildbank.ledger.reading.chained import CHAINED_TRANSFERS
from guildbank.ledger.usecases.balances import read_balances
from guildbank.ledger.usecases.explain import ExplainedLeg, explain
from guildbank.ledger.usecases.prove import prove
from guildbank.ledger.usecases.statement import Filters, read_statement
from guildbank.payments.balances import BALANCES
from guildbank.wallets import BUCKETS

if TYPE_CHECKING:
    from tests.laws.town import Tenant

READ_BARS = """
SELECT player.id, player.state, player.external_id IS NULL, account.id IS NULL, account.barred,
       EXISTS (SELECT FROM identity_person_key AS key WHERE key.player_id = player.id)
FROM identity_player AS player
LEFT JOIN ledger_account AS account ON account.owner = player.id
"""
READ_PAYLOADS = "SELECT person, sealed FROM journal_payload"
READ_WALLETS = """
SELECT account.owner, account.asset, account.bucket, account.held, account.expected,
       account.credited - account.spent - account.clawed,
       coalesce((SELECT sum(amount) FROM ledger_transfer WHERE credit = account.id), 0)
       - coalesce((SELECT sum(amount) FROM ledger_transfer WHERE debit = account.id), 0)
FROM ledger_account AS account
WHERE account.owner <> 'house'
"""


async def check_wallets(tenant: "Tenant") -> None:
    """Every bucket's balance, kept and recomputed, every hold, every debt, and what is expected."""
    found: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    async with tenant.town.house.db.begin(tenant.ref.schema, read_only=True) as tx:
        for row in await tx.driver.fetch(READ_WALLETS):
            owner, asset, bucket, held, expected, kept, counted = row
            if bucket != "debt":
                assert kept == counted, f"{owner}/{asset}/{bucket}: kept {kept}, moved {counted}"
            found[owner, asset, bucket] = (int(counted), held, expected)
    model = tenant.world.model
    for player in tenant.world.players:
        for code in tenant.world.currencies:
            for bucket in BUCKETS:
                has = model.balance(player, code, bucket), model.held(player, code, bucket)
                room = tenant.world.room(player, code, bucket)
                kept = found.get((player, code, bucket), (0, 0, 0))
                assert kept == (*has, room), (player, code, bucket)
            owed = -found.get((player, code, "debt"), (0, 0, 0))[0]
            assert owed == model.debt(player, code), (player, code)


async def check_bars(tenant: "Tenant") -> None:
    """Every player is what the register says, and so are all accounts that they have."""
    register = tenant.world.register
    async with tenant.town.house.db.begin(tenant.ref.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(READ_BARS)
    for player, state, nameless, poor, barred, has_key in rows:
        assert state == register.states[player]
        assert poor or barred == register.barred(player), (player, state, barred)
        assert not (register.erased(player) and (has_key or not nameless)), player


async def check_words(tenant: "Tenant") -> None:
    """What was said of a person can be read, and of one who is forgotten nowhere and never."""
    persons, register = tenant.town.house.identity.persons, tenant.world.register
    async with tenant.town.house.db.begin(tenant.ref.schema, read_only=True) as tx:
        rows = [tuple(row) for row in await tx.driver.fetch(READ_PAYLOADS)]
    for player, sealed in [*rows, *((one.person, one.ciphertext) for one in tenant.kept)]:
        words = await persons.reveal(tenant.ref, player, sealed)
        if register.erased(player):
            assert words is None, f"{player} is forgotten, and still told: {words!r}"
        else:
            assert words is not None


async def check_laws(tenant: "Tenant") -> None:
    """The laws of the design, by the product's own proofs and by the model's coins."""
    db, schema = tenant.town.house.db, tenant.ref.schema
    verified = await verify_journal(db, schema, [CHAINED_TRANSFERS])
    assert verified.damage is None, verified.damage
    assert verified.seq == tenant.world.last, "there are entries that nobody knows of"
    await check_proof(tenant)
    for seq in tenant.world.spends:
        await check_explanation(tenant, seq)
    await check_past(tenant)
    await check_statements(tenant)
    await check_words(tenant)


async def check_proof(tenant: "Tenant") -> None:
    """Law 1 and law 2: sums of zero, and money behind every coin, to the cent."""
    proof = await prove(tenant.town.house.db, tenant.ref.schema, BALANCES)
    assert proof.ok, proof.problems
    assert all(asset.sum == 0 for asset in proof.assets), proof.assets
    model, till = tenant.world.model, tenant.world.till
    money = next((one for one in proof.money if one.money == MONEY), None)
    if money is None:
        assert not till.sales
        return
    deferred = model.unspent_basis()
    assert money.captured - money.refunded - money.disputed == till.provider
    assert money.unspent == sum(deferred.values())
    assert money.recognised == model.recognised_basis().get(MONEY, 0)
    assert money.written_off == model.written_off_basis().get(MONEY, 0)
    desk, kept = tenant.world.desk, till.kept
    assert money.paid_out == desk.minor("paid")
    assert money.payout_in_flight == desk.minor(*OPEN)
    assert money.payout_cost == desk.minor("paid", *OPEN)
    assert (money.fees, money.fees_account) == (kept, kept)
    assert (money.taxes, money.surcharges) == (till.taxes, till.fees)
    assert (money.unapplied, money.refunding, money.other) == (till.unapplied, till.refunding, 0)
    assert money.suspense == till.suspense()
    prices = {
        (str(one.money), one.price_minor, one.per_coins): one.basis
        for one in proof.unspent
        if one.currency == "GEM"
    }
    gems = model.unspent_basis("GEM")
    assert prices == {(code, at.numerator, at.denominator): n for (code, at), n in gems.items()}


async def check_explanation(tenant: "Tenant", seq: int) -> None:
    """Whose coins a spend used: the entries that made them, how many, and what they cost."""
    spend = tenant.world.spends[seq]
    told = await explain(tenant.town.house.db, tenant.ref.schema, tenant.world.transaction_id(seq))
    assert not isinstance(told, Refusal), told
    used = [(bucket, runs(coins)) for bucket, coins in spend.legs]
    named = [(leg.debit.bucket, origins(leg)) for leg in told.legs]
    assert named == used, f"spend {seq} used {used}, but is explained by {named}"


Run = tuple[int, int, str | None, int | None]
"""The entry that made the coins, their number, the payment, and what they cost."""


def origins(leg: ExplainedLeg) -> list[Run]:
    """The origins as the product tells them."""
    assert leg.complete
    return [(one.seq, one.coins, one.payment, one.basis) for one in leg.origins]


def runs(coins: list[Coin]) -> list[Run]:
    """The same of the model's coins: neighbours of one lot are told together."""
    found: list[list[Coin]] = []
    for coin in coins:
        before = found[-1][-1] if found else None
        if before is not None and (before.origin, before.index + 1) == (coin.origin, coin.index):
            found[-1].append(coin)
        else:
            found.append([coin])
    return [_run(run) for run in found]


def _run(coins: list[Coin]) -> Run:
    origin = coins[0].origin
    if origin.money is None:
        return origin.seq, len(coins), None, None
    basis = sum(coin.basis_minor for coin in coins)
    return origin.seq, len(coins), origin.payment_id, basis


async def check_past(tenant: "Tenant") -> None:
    """Balances at a past time are those that the model had then."""
    db, schema = tenant.town.house.db, tenant.ref.schema
    for at, wallets in tenant.world.history:
        for player in tenant.world.players:
            told = await read_balances(db, schema, player, at)
            assert not isinstance(told, Refusal), told
            found = {(one.currency, b): getattr(one, b) for one in told.currencies for b in BUCKETS}
            then = {key[1:]: count for key, count in wallets.items() if key[0] == player and count}
            assert {key: count for key, count in found.items() if count} == then, (at, player)


async def check_statements(tenant: "Tenant") -> None:
    """The lines of a player's statement sum to what the player has."""
    db, schema = tenant.town.house.db, tenant.ref.schema
    for player in tenant.world.players:
        told = await read_statement(db, schema, player, Filters(), 10_000)
        assert not isinstance(told, Refusal), told
        sums: dict[tuple[str, str], int] = {}
        for line in told.lines:
            key = line.currency, line.bucket
            sums[key] = sums.get(key, 0) + line.amount
        for code in tenant.world.currencies:
            for bucket in BUCKETS:
                has = tenant.world.model.balance(player, code, bucket)
                assert sums.get((code, bucket), 0) == has, (player, code, bucket)
