"""What an operator watches of the proof: whether it holds, and how old the last round is."""

from guildbank.infra.room import Figure

OK = """
SELECT '', ok::int
FROM ledger_proof
"""

AGE = """
SELECT '', extract(epoch FROM now() - checked_at)::bigint
FROM ledger_proof
"""

GAUGES = (
    Figure(
        "guildbank_proof_ok",
        "1 where the last proof of every tenant held, 0 where one did not.",
        OK,
        "min",
    ),
    Figure(
        "guildbank_proof_age_seconds",
        "Age of the last round of the proof, of the tenant whose is the oldest.",
        AGE,
        "max",
    ),
)
