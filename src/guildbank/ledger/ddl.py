"""The numbers of accounts and the first partition of transfers, which tables cannot say."""

from guildbank.infra.schema import add_tenant_ddl
from guildbank.journal import PARTITION_ROWS
from guildbank.ledger.tables import partition_statements

LEDGER_ORDER = 50

add_tenant_ddl(
    "ledger",
    LEDGER_ORDER,
    *partition_statements(0, PARTITION_ROWS),
    """
CREATE VIEW ledger_v_transfer AS
SELECT transfer.seq, transfer.leg, transfer.amount, debit.asset,
       debit.owner AS debit_owner, debit.bucket AS debit_bucket, transfer.debit_after,
       credit.owner AS credit_owner, credit.bucket AS credit_bucket, transfer.credit_after
FROM ledger_transfer AS transfer
JOIN ledger_account AS debit ON debit.id = transfer.debit
JOIN ledger_account AS credit ON credit.id = transfer.credit
""",
    """
CREATE VIEW ledger_v_hold AS
SELECT seq, placed_at, owner, asset, amount, captured, released, state, expires_at, kept_for
FROM ledger_hold
""",
)
