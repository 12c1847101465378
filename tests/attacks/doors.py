"""The routes that anyone may call: by which people come in, and those that hold nothing back."""

FOR_STRANGERS = frozenset(
    f"POST {under}{path}"
    for path in ("/register", "/login", "/account/register", "/account/login")
    for under in ("", "/v1")
) | {
    "POST /v1/sessions/refresh",
    "POST /v1/account/email/confirm",
    "POST /v1/account/email/change",
    "POST /v1/account/email/undo",
    "POST /v1/account/password/forgotten",
    "POST /v1/account/password/reset",
    "GET /v1/sign-in/providers",
    "POST /v1/sign-in/begin",
    "POST /v1/sign-in/exchange",
    "POST /v1/sign-in/assertions",
    "POST /v1/sign-in/link-codes",
    "POST /v1/sign-in/link",
    "POST /v1/guests",
    "POST /v1/guests/sign-in",
    "POST /v1/sign-in/second-factor",
    "POST /v1/sign-in/second-factor/mail",
    "POST /v1/sign-in/second-factor/passkey",
    "POST /v1/sign-in/second-factor/totp",
    "POST /v1/sign-in/second-factor/totp/confirm",
    "POST /v1/sign-in/passkey",
    "POST /v1/sign-in/passkey/options",
}
"""Routes by which players come in: they need a tenant and no credentials."""

FOR_STAFF = frozenset(
    f"POST /v1/operator/{path}"
    for path in (
        "sessions", "sessions/finish", "sessions/enrol", "sessions/confirm",
        "sessions/passkey", "sessions/passkey/options", "sessions/enrol/passkey",
        "sessions/confirm/passkey", "studio/begin", "links",
        "invitations/accept", "invitations/accept/studio", "password/forgot", "password/reset",
    )
)  # fmt: skip
"""Routes by which operators come in: what they bear is in the body, or proves nothing yet."""

PUBLIC = (
    FOR_STRANGERS
    | FOR_STAFF
    | frozenset(
        {
            "GET /healthz",
            "GET /readyz",
            "GET /metrics",
            "GET /openapi.json",
            "GET /.well-known/jwks.json",
            "POST /v1/oauth/token",
            "GET /confirm-email",
            "GET /change-email",
            "GET /undo-email",
            "GET /reset-password",
            "GET /v1/documents/current",
            "GET /v1/sign-in/go/{tenant_slug}",
            "GET /v1/sign-in/callback/{tenant_slug}/{provider}",
            "POST /v1/sign-in/callback/{tenant_slug}/{provider}",
            "GET /docs",
            "GET /docs/problems",
            "GET /v1/operator/studio/callback/{plane_id}",
            "GET /v1/operator/ways",
            "GET /operator",
            "GET /operator/page/{name}",
            "GET /operator/accept",
            "GET /operator/reset",
            "POST /v1/webhooks/{tenant_slug}/{provider_id}",
        }
    )
)
"""Routes that anyone may call. A webhook's caller is proved by its signature, a browser that comes
back from an identity provider by its state and cookie."""
