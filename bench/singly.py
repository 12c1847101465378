"""The HTTP peer: the same server, routes and statements, but a transaction for each request.

`python -m bench.singly` is `guildbank serve` with one thing changed: a request does not join a
batch. It takes a connection of the pool, locks the row that stands for the account (the tenant's
journal row, which every spend on the hot account needs anyway), reads, decides, writes and commits
alone. Pool, driver, SQL, HTTP stack and durability are those of the server it is compared with.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from litestar import Litestar

from guildbank.app import asgi
from guildbank.app.serving import serve
from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.journal import Act, Journal, Outcome
from guildbank.journal.deciding import Group
from guildbank.journal.usecases.commit import commit_batch


class Singly(Journal):
    """A journal that gathers nothing."""

    async def submit(self, schema: str, act: Act) -> Outcome:
        """Commit one act in a transaction of its own."""
        group = Group([act])
        async with self._db.connect() as tx:
            await commit_batch(tx, schema, [group], list)
        answer = group.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def create_peer(settings: Settings | None = None, rooms: Sequence[str] = ()) -> Litestar:
    """Return the server's app over a journal without batches."""
    services = open_services(settings or Settings.load())
    journal = Singly(services.db)
    wallets = replace(services.wallets, journal=journal)
    return asgi.app_over(replace(services, journal=journal, wallets=wallets), rooms)


def main() -> int:
    """Serve as `guildbank serve` does, so that not even an option of the server differs."""
    asgi.create_app = create_peer
    return serve(Settings.load())


if __name__ == "__main__":
    sys.exit(main())
