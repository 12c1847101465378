"""Kinds of entries that record what operators and machines change outside the journal's queue."""

from collections.abc import Mapping
from typing import Final

KEY_CREATED: Final = "identity.key_created"
KEY_ROTATED: Final = "identity.key_rotated"
KEY_REVOKED: Final = "identity.key_revoked"
SIGNING_KEY_ROTATED: Final = "identity.signing_key_rotated"
INVITED: Final = "identity.operator_invited"
INVITATION_WITHDRAWN: Final = "identity.operator_invitation_withdrawn"
OPERATOR_JOINED: Final = "identity.operator_joined"
OPERATOR_SUSPENDED: Final = "identity.operator_suspended"
OPERATOR_REINSTATED: Final = "identity.operator_reinstated"
OPERATOR_REMOVED: Final = "identity.operator_removed"
ROLES_GIVEN: Final = "identity.operator_roles_given"
PASSWORD_SET: Final = "identity.operator_password_set"  # noqa: S105 - a kind of entry
ROLE_MADE: Final = "identity.role_made"
ROLE_CHANGED: Final = "identity.role_changed"
ROLE_DELETED: Final = "identity.role_deleted"
PROFILE_CHANGED: Final = "identity.profile_changed"
DOCUMENT_PUBLISHED: Final = "identity.document_published"
CONSENT_SAID: Final = "identity.consent_said"
HOLD_PLACED: Final = "identity.legal_hold_placed"
HOLD_LIFTED: Final = "identity.legal_hold_lifted"
EXPORT_REQUESTED: Final = "identity.export_requested"
ERASURE_REQUESTED: Final = "identity.erasure_requested"
ERASURE_UNDONE: Final = "identity.erasure_undone"
AUDIT_EXPORTED: Final = "identity.audit_exported"
SIGNED_IN: Final = "identity.operator_signed_in"
FACTOR_ADDED: Final = "identity.operator_factor_added"
FACTOR_REMOVED: Final = "identity.operator_factor_removed"
FACTORS_CLEARED: Final = "identity.operator_factors_cleared"
CODES_RENEWED: Final = "identity.operator_codes_renewed"
STUDIO_CONFIGURED: Final = "identity.staff_sign_in_configured"
OPERATOR_LINKED: Final = "identity.operator_linked"

RECORDED: Mapping[str, str] = {
    KEY_CREATED: "A key was created.",
    KEY_ROTATED: "A key got a successor.",
    KEY_REVOKED: "A key was revoked.",
    SIGNING_KEY_ROTATED: "Somebody at the host changed the key that signs tokens.",
    INVITED: "Somebody was invited to be an operator, or a link for one was made.",
    INVITATION_WITHDRAWN: "An invitation was withdrawn.",
    OPERATOR_JOINED: "Somebody became an operator.",
    OPERATOR_SUSPENDED: "An operator was suspended.",
    OPERATOR_REINSTATED: "A suspended operator was reinstated.",
    OPERATOR_REMOVED: "An operator was removed.",
    ROLES_GIVEN: "An operator was given other roles.",
    PASSWORD_SET: "An operator set a new password.",
    ROLE_MADE: "A role was made.",
    ROLE_CHANGED: "A role was given other permissions.",
    ROLE_DELETED: "A role was deleted.",
    PROFILE_CHANGED: "A player's profile was changed by somebody else.",
    DOCUMENT_PUBLISHED: "A version of a document was published.",
    CONSENT_SAID: "A player agreed to a document, or took that back.",
    HOLD_PLACED: "A legal hold was placed on a player.",
    HOLD_LIFTED: "A legal hold was lifted.",
    ERASURE_REQUESTED: "Somebody asked for a player to be erased; it may wait.",
    ERASURE_UNDONE: "An erasure that waited was taken back.",
    AUDIT_EXPORTED: "The record of who changed what was taken as a file.",
    EXPORT_REQUESTED: "A copy of all that is known of a player was asked for.",
    SIGNED_IN: "An operator signed in.",
    FACTOR_ADDED: "An operator added a second factor.",
    FACTOR_REMOVED: "An operator removed a second factor.",
    FACTORS_CLEARED: "The second factors of an operator were taken by somebody else.",
    CODES_RENEWED: "An operator took new recovery codes.",
    STUDIO_CONFIGURED: "How operators come in by the studio was changed.",
    OPERATOR_LINKED: "An operator's account at the studio took the place of the password.",
}
