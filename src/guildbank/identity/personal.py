"""What the identity room knows of persons, and how it forgets them."""

from guildbank.infra.room import Obstacle, Personal


def _select(table: str, columns: str, order: str = "") -> str:
    by = "id" if table == "identity_player" else "player_id"
    return f"SELECT {columns} FROM {table} WHERE {by} = $1 {order}"  # noqa: S608 - names of our own


def _delete(table: str) -> str:
    return f"DELETE FROM {table} WHERE player_id = $1"  # noqa: S608 - a name of our own


PERSONAL = (
    Personal(
        "identity_player",
        _select("identity_player", "id, external_id, state, created_at"),
        kept="The row stays as `erased`, without the game's id, which goes in the commit.",
    ),
    Personal(
        "identity_profile",
        _select(
            "identity_profile",
            "locale, country, age_confirmed_at, age_method, age_confirmed_by",
        ),
        (_delete("identity_profile"),),
    ),
    Personal(
        "identity_username",
        _select("identity_username", "name"),
        (_delete("identity_username"),),
    ),
    Personal(
        "identity_email",
        _select("identity_email", "address, created_at, confirmed_at", "ORDER BY id"),
        (_delete("identity_email"),),
    ),
    Personal(
        "identity_password",
        _select("identity_password", "set_at"),
        (_delete("identity_password"),),
    ),
    Personal(
        "identity_external",
        _select("identity_external", "provider, issuer, subject, linked_at", "ORDER BY id"),
        (_delete("identity_external"),),
    ),
    Personal("identity_guest", None, (_delete("identity_guest"),)),
    Personal(
        "identity_factor",
        _select("identity_factor", "kind, created_at", "ORDER BY kind"),
        (_delete("identity_factor"),),
    ),
    Personal("identity_recovery_code", None, (_delete("identity_recovery_code"),)),
    Personal(
        "identity_passkey",
        _select("identity_passkey", "id, name, created_at, last_used_at", "ORDER BY id"),
        (_delete("identity_passkey"),),
    ),
    Personal("identity_ticket", None, (_delete("identity_ticket"),)),
    Personal(
        "identity_session",
        _select(
            "identity_session",
            "id, device, methods, created_at, refreshed_at, expires_at, ended_at",
            "ORDER BY id",
        ),
        (_delete("identity_session"),),
    ),
    Personal(
        "identity_standing",
        # Why they were barred is about the person, so it is theirs to read (GDPR, Article 15).
        _select("identity_standing", "state, since, until, sealed AS reason"),
        known_to_staff=_select(
            "identity_standing", "state, since, until, principal, sealed AS reason"
        ),
        kept="It says of an erased player nothing but that, and when.",
    ),
    Personal(
        "identity_legal_hold",
        # That somebody looks into a person may not be told to them where it would do harm.
        known_to_staff=_select(
            "identity_legal_hold",
            "id, placed_at, placed_by, until, lifted_at, lifted_by, sealed AS reason",
            "ORDER BY id",
        ),
        erase=(_delete("identity_legal_hold"),),
    ),
    Personal(
        "identity_erasure",
        _select("identity_erasure", "requested_at, due_at, own"),
        kept="The list of erasures, by id and time: a restored database is brought up to it.",
    ),
    Personal(
        "identity_consent",
        _select("identity_consent", "kind, version, given, at", "ORDER BY id"),
        kept="Proof of consent, under the id of a player whom nobody knows any more.",
    ),
    Personal(
        "identity_export",
        _select("identity_export", "id, state, requested_at, expires_at", "ORDER BY id"),
        (
            """
            DELETE FROM identity_export_part
            WHERE export_id IN (SELECT id FROM identity_export WHERE player_id = $1)
            """,
            _delete("identity_export"),
        ),
    ),
    Personal(
        "identity_person_key",
        kept="The key is a secret of ours, destroyed in the erasure's commit.",
    ),
)

OBSTACLES = (
    Obstacle(
        "legal_hold",
        "A legal hold stands; lift it, or wait for its end.",
        """
        SELECT DISTINCT player_id
        FROM identity_legal_hold
        WHERE player_id = ANY($1::text[])
          AND lifted_at IS NULL
          AND (until IS NULL OR until > now())
        """,
        told=False,
    ),
)
