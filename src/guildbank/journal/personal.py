"""What the journal keeps beside its chain of persons."""

from guildbank.infra.room import Personal

PERSONAL = (
    Personal(
        "journal_payload",
        "SELECT seq, sealed AS payload FROM journal_payload WHERE person = $1 ORDER BY seq",
        ("DELETE FROM journal_payload WHERE person = $1",),
    ),
    Personal(
        "journal_audit",
        erase=("UPDATE journal_audit SET sealed = NULL WHERE subjects @> ARRAY[$1::text]",),
        # Among what was done of them is what they must not hear of, a legal hold for one.
        known_to_staff=(
            "SELECT seq, kind FROM journal_audit WHERE subjects @> ARRAY[$1::text] ORDER BY seq"
        ),
    ),
)
