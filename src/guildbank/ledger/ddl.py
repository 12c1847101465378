"""The numbers of accounts and the first partition of transfers, which tables cannot say."""

from guildbank.infra.schema import add_tenant_ddl
from guildbank.journal import PARTITION_ROWS
from guildbank.ledger.tables import partition_statements

LEDGER_ORDER = 50

add_tenant_ddl(
    "ledger",
    LEDGER_ORDER,
    "CREATE SEQUENCE ledger_account_id",
    *partition_statements(0, PARTITION_ROWS),
)
