"""Keeps pages of others from calling with the cookie of an operator who happens to look at them.

Three walls, each enough by itself where browsers keep their word: the cookie is `SameSite=Strict`;
an unsafe call must come from a page of this very host, as `Sec-Fetch-Site` and `Origin` say; and it
must send a token that only a page which was let in can know (OWASP: signed double submit).
"""

import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from guildbank.infra.http.problems import problem

CSRF_HEADER: Final = "x-csrf-token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})


def check_csrf(method: str, headers: Mapping[str, str], token: str | None) -> None:
    """Raise `csrf_refused` unless an unsafe call with a cookie comes from a page of ours."""
    if method in SAFE_METHODS:
        return
    check_origin(headers)
    sent = headers.get(CSRF_HEADER, "")
    if token is None or not secrets.compare_digest(sent.encode(), token.encode()):
        raise problem(
            "csrf_refused",
            "Send the csrf token of this session as X-CSRF-Token; GET /v1/operator/me shows it.",
        )


def check_origin(headers: Mapping[str, str]) -> None:
    """Raise `csrf_refused` if a browser says that a page of elsewhere calls.

    Programs that are no browsers send neither header, and nobody's cookie.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    try:
        own = urlsplit(f"//{headers.get('host', '')}").netloc.lower()
        elsewhere = origin is not None and urlsplit(origin).netloc.lower() != own
    except ValueError:
        # No browser sends such an address.
        elsewhere = True
    if elsewhere or (site is not None and site not in _OWN_SITES):
        raise problem("csrf_refused", "Operators call from pages of this host alone.")
