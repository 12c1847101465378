"""The shelf of how far accounts were credited at a time: what was there by then has an age."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

from guildbank.journal import Rows, Statement
from guildbank.ledger.contracts import Address

# Offsets grow with seq, so the newest credit up to the seq of that time says where C stood. The
# numbers are an argument, and no ordinality, for the driver learns an array's type from arguments
# alone: without one it could not read the holes that are asked for in the same statement.
READ = """
SELECT asked.number,
       (SELECT lot.credit_offset + lot.amount
        FROM ledger_transfer AS lot
        WHERE lot.credit = account.id
          AND lot.seq <= bound.seq
        ORDER BY lot.credit_offset DESC
        LIMIT 1)
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
     AS asked (owner, asset, bucket, at, number)
JOIN ledger_account AS account
  ON account.owner = asked.owner
 AND account.asset = asked.asset
 AND account.bucket = asked.bucket
CROSS JOIN LATERAL (
    SELECT last_seq AS seq
    FROM journal_v_batch
    WHERE written_at <= asked.at
    ORDER BY written_at DESC, last_seq DESC
    LIMIT 1
) AS bound
"""


class AgedKey(NamedTuple):
    """An account, and a time before which its coins were credited."""

    address: Address
    at: datetime


class Aged:
    """How many coins had been credited by then; read only."""

    order: ClassVar[int] = 41
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[AgedKey]) -> Statement:
        """Read the totals of accounts that were opened by then."""
        rows = [(*key.address, key.at, number) for number, key in enumerate(keys)]
        return Statement(READ, tuple(map(list, zip(*rows, strict=True))))

    def read(self, keys: Sequence[AgedKey], rows: Rows) -> Mapping[AgedKey, int]:
        """Return the totals, 0 for accounts to which nothing had come."""
        found = dict.fromkeys(keys, 0)
        for number, credited in rows:
            found[keys[number]] = credited or 0
        return found

    def saving(self, changed: Mapping[AgedKey, int]) -> Sequence[Statement]:
        """Do nothing: what was credited by a time that is past never changes."""
        return ()


AGED = Aged()
