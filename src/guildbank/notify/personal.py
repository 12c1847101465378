"""What is known of persons by the mail that they got."""

from guildbank.infra.room import Personal

PERSONAL = (
    Personal(
        "notify_mail",
        """
        SELECT template, state, queued_at, ended_at
        FROM notify_mail
        WHERE to_hash = ANY($1::bytea[])
          AND audience = 'player'
        ORDER BY id
        """,
        ("DELETE FROM notify_mail WHERE to_hash = ANY($1::bytea[]) AND audience = 'player'",),
        by="address",
    ),
)
