"""Headers that keep browsers from doing more with an answer than they should.

The list is that of OWASP ASVS 5, section 3.4, for an API and the pages that document it.
"""

from typing import Final

Headers = tuple[tuple[bytes, bytes], ...]

API_SECURITY_POLICY: Final = (
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For what is not a page: should a browser show it all the same, it runs and loads nothing."""
_ALWAYS: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # An answer may differ by who asks from where, also when it bears no header of CORS.
    (b"vary", b"origin"),
)
_YEAR_SECONDS = 365 * 24 * 3600
_NO_STORE: Final = (b"cache-control", b"no-store")
_POLICY: Final = (b"content-security-policy", API_SECURITY_POLICY)


class SafetyHeaders:
    """What each answer gets; browsers stay with a server whose address is https (RFC 6797)."""

    def __init__(self, url: str) -> None:
        tls = (
            b"strict-transport-security",
            f"max-age={_YEAR_SECONDS}; includeSubDomains".encode(),
        )
        self._always = (*_ALWAYS, tls) if url.startswith("https://") else _ALWAYS

    def for_answer(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return what an answer with the given headers lacks."""
        headers = list(self._always)
        names = {name.lower() for name, _ in given}
        if b"cache-control" not in names:
            headers.append(_NO_STORE)
        if b"content-security-policy" not in names:
            headers.append(_POLICY)
        return headers
