"""Partitions and first rows of a new journal, which SQLAlchemy tables cannot say."""

from guildbank.infra.schema import add_control_ddl, add_tenant_ddl
from guildbank.journal.chain import FORMAT, GENESIS
from guildbank.journal.store import partition_statements
from guildbank.journal.tables import KEY_PARTITIONS

JOURNAL_ORDER = 30

STATEMENTS = (
    *partition_statements(0),
    *(
        f"CREATE TABLE IF NOT EXISTS journal_key_p{number} PARTITION OF journal_key "
        f"FOR VALUES WITH (MODULUS {KEY_PARTITIONS}, REMAINDER {number})"
        for number in range(KEY_PARTITIONS)
    ),
    "INSERT INTO journal_lock (id) VALUES (1)",
    "INSERT INTO journal_state (id, writable, epoch) VALUES (1, TRUE, 1)",
    f"""
INSERT INTO journal_batch (last_seq, first_seq, epoch, written_at, format, hash, digests)
VALUES (0, 0, 1, now(), {FORMAT}, '\\x{GENESIS.hex()}', '')
""",  # noqa: S608 - constants of this package
    """
CREATE VIEW journal_v_entry AS
SELECT seq, kind, principal, data,
       (SELECT written_at
        FROM journal_batch
        WHERE last_seq >= journal_entry.seq
        ORDER BY last_seq
        LIMIT 1) AS written_at
FROM journal_entry
""",
    """
CREATE VIEW journal_v_batch AS
SELECT first_seq, last_seq, written_at
FROM journal_batch
""",
)

add_tenant_ddl("journal", JOURNAL_ORDER, *STATEMENTS)
add_control_ddl("journal", JOURNAL_ORDER, *STATEMENTS)
