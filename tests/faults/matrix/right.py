"""How a life has to end: one state for each effect, wherever we die, and books that agree."""

from collections import Counter as Count
from datetime import timedelta
from typing import NamedTuple

from tests.faults.matrix.company import PART, PRICE, Books
from tests.faults.matrix.dimensions import Case, refuses_refund
from tests.faults.matrix.life import Life
from tests.faults.matrix.stores import Google
from tests.faults.matrix.studio import CREDITED, Told

from guildbank.ledger import prove
from guildbank.payments.balances import BALANCES
from guildbank.payments.contracts.rows import OF_OPERATORS, Applied, Dossier

COINS, BONUS = 500, 50


class End(NamedTuple):
    """The one right end of a life."""

    state: str
    books: Books
    refund: str | None = None
    """The state of its one refund, if there is one."""

    @property
    def within(self) -> timedelta:
        """How long a life may take: where nobody pays, until its time is over."""
        return timedelta(days=30) if self.state == "expired" else timedelta(hours=12)

    @property
    def coins(self) -> dict[str, int]:
        """What the player has left: coins go back in the measure of the money."""
        if self.state != "credited":
            return {}
        back = self.books.refunded + self.books.disputed
        left = {
            "paid": COINS - COINS * back // PRICE, "bonus": BONUS - BONUS * back // PRICE,
        }  # fmt: skip
        return {bucket: number for bucket, number in left.items() if number}


def right_end(case: Case) -> End:
    """Return how a case must end, and why that is right.

    Who pays is credited, by a second try where the first never arrived. Who is declined, or never
    comes back from Steam, has paid nothing, and the payment expires. A refund that is asked for is
    paid, but where the company pays none such: then everything is back. What a company gives back
    or loses to a bank is taken back here in the same measure; Google tells of chargebacks as of all
    that it voids.
    """
    fate, _, trouble = case.effect.partition(", ")
    part = PART if fate.endswith("in part") else PRICE
    if fate == "declined" or (case.provider, trouble) == ("Steam", "unconfirmed"):
        return End("expired", Books())
    if fate.startswith("refunded"):
        refused = refuses_refund(case.provider, fate)
        books = Books(PRICE, 0 if refused else part)
        return End("credited", books, "failed" if refused else "succeeded")
    if fate == "disputed" and case.provider != "Google Play":
        return End("credited", Books(PRICE, 0, PRICE))
    if fate == "kept":
        return End("credited", Books(PRICE))
    return End("credited", Books(PRICE, part), "succeeded")


async def check(life: Life, case: Case, before: Books) -> Books:
    """Hold a life's end against what is right; return all that the company took for the shop.

    `before` is what it took in earlier lives of the same shop.
    """
    dossier, end, shop = await life.dossier(), right_end(case), life.shop
    assert dossier is not None, "no payment was made"
    assert dossier.intent.state == end.state, (dossier.intent.state, end)
    attempts = list(dossier.attempts)
    theirs = life.company.books(attempts)
    assert theirs == end.books, ("the company's books", theirs, end)
    assert _ours(dossier) == theirs, ("our books", _ours(dossier), theirs)
    assert [str(one.state) for one in dossier.refunds] == ([end.refund] if end.refund else [])
    assert await shop.coins(life.player) == end.coins, (await shop.coins(life.player), end)
    entries = await life.counter.entries(life.payment)
    kinds = Count(entries)
    credited = int(end.state == "credited")
    assert kinds["payments.credited"] == credited, kinds
    assert sum(one.applied is Applied.CREDITED for one in attempts) == credited, attempts
    if isinstance(life.company, Google) and end.state == "credited":
        assert life.company.delivered(attempts[-1]), "Google was never told"
    assert await life.counter.waiting() == []
    check_told(life.hall.studio.told, entries, case)
    assert await life.counter.notes(life.payment) == ["credited then"] * credited
    total = before.plus(theirs)
    money = await shop.money()
    assert money.get(f"provider:{life.company.provider}", 0) == -total.left, (money, total)
    assert (money.get("unapplied", 0), money.get("refunding", 0)) == (0, 0), money
    proof = await prove(shop.house.db, shop.tenant.schema, BALANCES)
    assert proof.ok, proof.problems
    return total


def check_told(told: list[Told], entries: list[str], case: Case) -> None:
    """Hold what the studio heard against the journal: everything, in order, and nothing too early.

    A message comes again, under its id, only where nobody knew whether it was taken.
    """
    first = {one.id: one.kind for one in told}
    public = [kind for kind in entries if kind not in OF_OPERATORS]
    assert list(first.values()) == public, (told, public)
    early = [one for one in told if one.kind == CREDITED and one.stood != "credited"]
    assert not early, early
    trouble = case.effect.partition(", ")[2]
    again = Count(one.kind for one in told) - Count(public)
    unsure = case.cut == "told answered" and trouble != "lost at told"
    assert again == Count([CREDITED] * (unsure or trouble == "silence at told")), told


def _ours(dossier: Dossier) -> Books:
    books = Books()
    for one in dossier.attempts:
        assert one.refunding_minor == 0, one
        books = books.plus(Books(one.captured_minor, one.refunded_minor, one.disputed_minor))
    return books
