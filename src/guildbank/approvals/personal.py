"""What approvals know of persons."""

from guildbank.infra.room import Personal

PERSONAL = (
    Personal(
        "approvals_request",
        "SELECT id, verb, state, amounts, requested_at, decided_at FROM approvals_request "
        "WHERE player = $1 ORDER BY id",
        kept="It names a player by an id that tells nothing once the person is erased; what was "
        "said of them is sealed under their key.",
    ),
    Personal(
        "approvals_tally",
        "SELECT verb, asset, slices FROM approvals_tally WHERE who = 'of:' || $1 "
        "ORDER BY verb, asset",
        kept="A day's sums under an id that tells nothing once the person is erased, soon gone; "
        "without them an erasure would begin the day anew, and an amount slip under a rule.",
    ),
)
