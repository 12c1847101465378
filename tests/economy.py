"""A tenant on the real database, moved by real acts, for tests that read what was written."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

from tests.spares import Shape, emptying, shape_of

from guildbank.infra.database import Database
from guildbank.infra.schema import tenant_statements
from guildbank.journal import Act, Draft, Journal, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal, new_id, seq_id
from guildbank.ledger import (
    HOLDS,
    Address,
    Hold,
    HoldLine,
    Leg,
    LotRef,
    Restores,
    account_needs,
    close_book,
    house,
    leg_needs,
    open_book,
    post,
)

_numbers = count(1)
_free: dict[str, list[str]] = defaultdict(list)
"""Schemas of economies that are over, by their database."""
_shapes: dict[str, Shape] = {}
GEM, EUR = "GEM", "EUR"


class Move(Act):
    """Post legs under any kind of entry."""

    verb = "test.move"

    def __init__(self, kind: str, data: object, legs: Sequence[Leg], key: str | None) -> None:
        super().__init__("app_test", key, data)
        self.kind, self.data, self.legs = kind, data, legs

    def needs(self, stage: Stage) -> Iterable[Need]:
        return leg_needs(self.legs)

    def decide(self, stage: Stage) -> Draft | Refusal:
        moved = post(stage, self.legs) if self.legs else []
        return moved if isinstance(moved, Refusal) else Draft(self.kind, facts(self.data))


class PutAside(Act):
    """Place a hold."""

    verb = "test.hold"

    def __init__(self, source: Address, amount: int) -> None:
        super().__init__("app_test")
        self.source, self.amount = source, amount

    def needs(self, stage: Stage) -> Iterable[Need]:
        return account_needs([self.source])

    def decide(self, stage: Stage) -> Draft | Refusal:
        book = open_book(stage)
        split = book.hold([self.source], self.amount)
        if isinstance(split, Refusal):
            return split
        hold = Hold(
            seq=stage.seq, placed_at=stage.now, owner=self.source.owner, asset=self.source.asset,
            amount=self.amount, expires_at=stage.now + timedelta(hours=1),
            lines=(HoldLine(self.source.bucket, self.amount),),
        )  # fmt: skip
        stage.put(HOLDS, stage.seq, hold)
        close_book(stage, book)
        return Draft("wallets.held", facts({"amount": self.amount}))


class Economy:
    """A tenant with a currency GEM and money EUR."""

    def __init__(self, db: Database, journal: Journal, schema: str) -> None:
        self.db, self.journal, self.schema = db, journal, schema
        self.tenant: Any = SimpleNamespace(schema=schema, slug=schema.removeprefix("t_"))

    async def sql(self, text: str, *args: object) -> list[Any]:
        """Run a statement past the journal, as a vandal would."""
        async with self.db.begin(self.schema) as tx:
            return list(await tx.driver.fetch(text, *args))

    async def player(self) -> str:
        player = new_id("player")
        await self.sql(
            "INSERT INTO identity_player (id, external_id, state, created_at) "
            "VALUES ($1, $1, 'active', now())",
            player,
        )
        return player

    async def move(
        self, kind: str, *legs: Leg, data: object = None, key: str | None = None
    ) -> Receipt:
        act = Move(kind, {} if data is None else data, legs, key)
        outcome = await self.journal.submit(self.schema, act)
        assert isinstance(outcome, Receipt), outcome
        return outcome

    async def buy(
        self, player: str, coins: int, minor: int, bonus: int = 0, payment: str | None = None
    ) -> Receipt:
        """Credit a purchase as the payments room does."""
        provider, backing = house(EUR, "provider:sandbox"), house(EUR, "backing")
        legs = [
            Leg((provider,), backing, minor),
            Leg((house(GEM, "issue"),), Address(player, GEM, "paid"), coins),
        ]
        if bonus:
            legs.append(Leg((house(GEM, "issue"),), Address(player, GEM, "bonus"), bonus))
        data = {"payment": payment or new_id("pay"), "player": player, "currency": GEM,
                "coins": coins, "money": EUR, "amount": minor}  # fmt: skip
        return await self.move("payments.credited", *legs, data=data, key=new_id("key"))

    async def spend(self, player: str, amount: int, bucket: str = "paid") -> Receipt:
        leg = Leg((Address(player, GEM, bucket),), house(GEM, "sales"), amount)
        return await self.move("wallets.spent", leg, data={"player": player, "amount": amount})

    async def grant(self, player: str, amount: int, bucket: str = "free") -> Receipt:
        leg = Leg((house(GEM, "issue"),), Address(player, GEM, bucket), amount)
        return await self.move("wallets.granted", leg, data={"player": player})

    async def restore(self, player: str, spend: Receipt, amount: int, start: int) -> Receipt:
        """Give back `amount` coins of a spend's first leg, from `start` on the FIFO axis."""
        to = Address(player, GEM, "paid")
        back = Restores(spend.seq, 0, start)
        return await self.move(
            "ledger.reversed", Leg((house(GEM, "sales"),), to, amount, restores=back)
        )

    async def refund(self, player: str, purchase: Receipt, coins: int, minor: int) -> Receipt:
        """Claw coins of a purchase back and pay their money out."""
        taken = Leg(
            (Address(player, GEM, "paid"),), house(GEM, "clawed"), coins,
            lot=LotRef(purchase.seq, 1),
        )  # fmt: skip
        backing, refunding = house(EUR, "backing"), house(EUR, "refunding")
        clawed = await self.move("payments.refund_clawed", taken, Leg((backing,), refunding, minor))
        await self.move(
            "payments.refunded", Leg((refunding,), house(EUR, "provider:sandbox"), minor)
        )
        return clawed

    async def hold(self, player: str, amount: int, bucket: str = "paid") -> Receipt:
        act = PutAside(Address(player, GEM, bucket), amount)
        outcome = await self.journal.submit(self.schema, act)
        assert isinstance(outcome, Receipt), outcome
        return outcome


def txn(receipt: Receipt) -> str:
    """Return a receipt's transaction id."""
    return seq_id("txn", receipt.seq, receipt.at)


@asynccontextmanager
async def open_economy(
    url: str, committed: Callable[[str], None] = lambda _schema: None
) -> AsyncIterator[Economy]:
    """Make a tenant's schema with its currency and money; it is emptied afterwards, for others."""
    free = _free[url]
    db = Database(url, pool_size=6)
    try:
        schema = free.pop() if free else await _new_schema(db)
        async with db.begin(schema, read_only=True) as tx:
            _shapes.setdefault(url, await shape_of(tx.driver, schema))
        async with db.begin(schema) as tx:
            await tx.driver.execute(
                "INSERT INTO ledger_asset (code, kind, scale, cap) "
                f"VALUES ('GEM', 'currency', 0, {2**60}), ('EUR', 'money', 2, {2**60})"
            )
        journal = Journal(db, committed=committed)
        yield Economy(db, journal, schema)
        await journal.close()
        async with db.begin(schema) as tx:
            if await shape_of(tx.driver, schema) == _shapes[url]:
                await tx.driver.execute(emptying(schema))
                free.append(schema)
    finally:
        await db.close()


async def _new_schema(db: Database) -> str:
    schema = f"t_economy_{next(_numbers)}"
    # Compiled before the transaction, which may not idle for long.
    script = ";\n".join(tenant_statements())
    async with db.connect() as tx:
        await tx.driver.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        await tx.driver.execute(f"CREATE SCHEMA {schema}")
    async with db.begin(schema) as tx:
        await tx.driver.execute(script)
    return schema


__all__ = ["EUR", "GEM", "Economy", "Move", "open_economy", "txn"]
