"""The pages that mailed links open where a tenant has no site of its own for them.

A tenant's `publicUrl` is where the links lead; while it is the address of this server, these pages
answer. They bear no secret: the token stays in the browser until its button is pressed.
"""

import base64
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template

from litestar import Response, get

PATHS = ["/confirm-email", "/change-email", "/undo-email", "/reset-password"]


@cache
def _page() -> tuple[str, dict[str, str]]:
    folder = files("guildbank.identity") / "pages"
    style = (folder / "mailed.css").read_text(encoding="utf-8")
    script = (folder / "mailed.js").read_text(encoding="utf-8")
    frame = Template((folder / "mailed.html").read_text(encoding="utf-8"))
    policy = (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "cross-origin-opener-policy": "same-origin"}
    return frame.substitute(style=style, script=script), headers


def _source(text: str) -> str:
    """Return the text's hash as a source of a content security policy."""
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


@get(PATHS, opt={"public": True, "any_query": True}, include_in_schema=False)
async def mailed_page() -> Response[bytes]:
    """Return the page; what it is about, its own script reads from the address."""
    page, headers = _page()
    return Response(page.encode(), media_type="text/html", headers=headers)


ROUTES = (mailed_page,)
