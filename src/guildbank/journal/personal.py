"""What the journal keeps beside its chain of persons."""

from guildbank.infra.room import Personal

PERSONAL = (
    Personal(
        "journal_payload",
        "SELECT seq, sealed AS payload FROM journal_payload WHERE person = $1 ORDER BY seq",
        ("DELETE FROM journal_payload WHERE person = $1",),
    ),
)
