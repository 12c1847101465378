"""What of a tenant's mail waits or was given up, as an operator counts it."""

from guildbank.infra.room import Backlog

WAITING = """
SELECT
FROM notify_mail
WHERE state = 'waiting'
"""

FAILED = """
SELECT
FROM notify_mail
WHERE state = 'failed'
"""

BACKLOGS = (
    Backlog(
        "guildbank_notify_mail_waiting",
        "Mail that the mail server is yet to take.",
        WAITING,
    ),
    Backlog(
        "guildbank_notify_mail_failed",
        "Mail that was given up within the last 30 days.",
        FAILED,
    ),
)
