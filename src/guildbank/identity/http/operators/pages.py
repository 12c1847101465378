"""The pages by which operators come in and keep their account, until there is a console.

They show nothing by themselves and change nothing until a button is pressed. What a link bears
stands behind `#`, which browsers send to nobody.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated

from litestar import Response, get
from litestar.params import PathParameter

from guildbank.infra.http import problem

_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_PARTS = frozenset(
    ("mailed.css", "page.css", "page.js", "home.js", "view.js", "calls.js", "texts.js")
)
_HEADERS = {
    # Nothing runs that is written into the page, and it speaks to this host alone.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
}
PartName = Annotated[str, PathParameter(description="A part of the page.", max_length=40)]


@cache
def _part(name: str) -> bytes:
    folder = files("guildbank.identity") / "pages"
    # It shares its look with the pages that players' mails open.
    return (folder if name == "mailed.css" else folder / "operator").joinpath(name).read_bytes()


@get(
    ["/operator", "/operator/accept", "/operator/reset"],
    opt={"public": True, "any_query": True},
    include_in_schema=False,
)
async def operators_page() -> Response[bytes]:
    """Return the page; it is the same for everybody."""
    return Response(_part("page.html"), media_type="text/html; charset=utf-8", headers=_HEADERS)


@get("/operator/page/{name:str}", opt={"public": True}, include_in_schema=False)
async def part_of_page(name: PartName) -> Response[bytes]:
    """Return a part that the page loads."""
    if name not in _PARTS:
        raise problem("not_found", "There is nothing at this address.")
    return Response(_part(name), media_type=_KINDS[name.rpartition(".")[2]])


ROUTES = (operators_page, part_of_page)
