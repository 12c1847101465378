"""The one page that a link leads to: it shows nothing by itself and changes nothing until it posts.

What the link bears stands behind `#`, which browsers send to nobody.
"""

import base64
from hashlib import sha256
from importlib.resources import files

from litestar import Response, get

_TEXT = (files("guildbank.identity.http.operators") / "welcome.html").read_text(encoding="utf-8")
_SCRIPT = _TEXT.split("<script>")[1].split("</script>")[0]
_DIGEST = base64.b64encode(sha256(_SCRIPT.encode()).digest()).decode()
_HEADERS = {
    "cache-control": "no-store",
    # Only this very script runs, and it speaks to this host alone.
    "content-security-policy": (
        f"default-src 'none'; script-src 'sha256-{_DIGEST}'; style-src 'unsafe-inline'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
}


@get(
    ["/operator/accept", "/operator/reset"],
    opt={"public": True, "any_query": True},
    include_in_schema=False,
)
async def welcome() -> Response[str]:
    """Return the page; it is the same for everybody."""
    return Response(_TEXT, media_type="text/html; charset=utf-8", headers=_HEADERS)


ROUTES = (welcome,)
