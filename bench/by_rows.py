"""The other HTTP peer: the same server and routes over a classic ledger with row locks.

`python -m bench.by_rows` is `guildbank serve` whose spends are what `bench.rowlocks` does: five
statements in a transaction of its own, with the hot account's row locked as late as possible. It
skips all else that a spend does (the currency's rules, limits, the choice of buckets, the chain).
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from litestar import Litestar

from bench.rowlocks import spend_once
from bench.town import GEM
from guildbank.app import asgi
from guildbank.app.serving import serve
from guildbank.app.wiring import open_services
from guildbank.approvals.usecases.gate import Gated
from guildbank.infra.config import Settings
from guildbank.journal import Act, Journal, Outcome, Receipt, facts
from guildbank.wallets.contracts import MovedFacts
from guildbank.wallets.usecases.spend import SpendAct


class ByRows(Journal):
    """Takes spends of 5 coins and nothing else."""

    async def submit(self, schema: str, act: Act) -> Outcome:
        """Spend at once, on a connection of the pool."""
        spend = act.inner if isinstance(act, Gated) else act
        assert isinstance(spend, SpendAct)
        assert spend.key_hash is not None
        async with self._db.connect() as tx:
            seq, balance = await spend_once(tx.driver, spend.player_id, spend.key_hash)
        moved = MovedFacts(
            player=spend.player_id, currency=GEM, amount=5, balance=balance, available=balance
        )
        return Receipt(seq, datetime.now(UTC), "wallets.spent", act.principal, facts(moved))


def create_peer(settings: Settings | None = None, rooms: Sequence[str] = ()) -> Litestar:
    """Return the server's app over the classic ledger."""
    services = open_services(settings or Settings.load())
    journal = ByRows(services.db)
    wallets = replace(services.wallets, journal=journal)
    return asgi.app_over(replace(services, journal=journal, wallets=wallets), rooms)


def main() -> int:
    """Serve as `guildbank serve` does."""
    asgi.create_app = create_peer
    return serve(Settings.load())


if __name__ == "__main__":
    sys.exit(main())
