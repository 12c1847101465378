"""Renders pages for people and guards their forms. No script, nothing from other hosts."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import iso4217
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, get
from litestar.enums import MediaType

from guildbank.kernel import Refusal, format_money
from guildbank_sandbox.server.edge import Refused
from guildbank_sandbox.server.records import Payment

_TEMPLATES = Path(__file__).parent / "templates"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Form(NamedTuple):
    """A form that a person sent from one of our own pages."""

    fields: dict[str, str]

    def get(self, name: str) -> str:
        """Return a field, empty when it was not sent."""
        return self.fields.get(name, "")


class Pages:
    """The templates, and the key that proves a form came from one of our pages."""

    def __init__(self, public_url: str, form_key: bytes) -> None:
        self.public_url = public_url
        self._form_key = form_key
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(money=money, moment=moment)

    def render(self, template: str, *, status: int = 200, **facts: object) -> Response[str]:
        """Return a page as an answer."""
        html = self._templates.get_template(template).render(facts)
        return Response(html, status_code=status, media_type=MediaType.HTML, headers=_HEADERS)

    def token(self, subject: str) -> str:
        """Return what forms about `subject` must carry; other sites cannot read it."""
        return hmac.new(self._form_key, subject.encode(), hashlib.sha256).hexdigest()

    def read_form(self, subject: str, body: bytes) -> Form:
        """Return the form's fields; raises Refused `stale_form` when its token is not ours."""
        try:
            pairs = parse_qsl(body.decode("ascii"), max_num_fields=20, errors="replace")
        except (UnicodeDecodeError, ValueError) as error:
            raise Refused(Refusal(code="invalid_request", detail="Not a form.")) from error
        form = Form(dict(pairs))
        if not hmac.compare_digest(form.get("token").encode(), self.token(subject).encode()):
            raise Refused(
                Refusal(code="stale_form", detail="This form is not ours or too old; reload it.")
            )
        return form


@get("/sandbox.css", sync_to_thread=False)
def stylesheet() -> Response[bytes]:
    """Return the one style sheet."""
    css = (_TEMPLATES / "sandbox.css").read_bytes()
    return Response(css, media_type="text/css", headers={"Cache-Control": "max-age=300"})


def money(amount_minor: int, currency: str) -> str:
    """Return an amount as people read it: 123456, "EUR" -> "1,234.56"."""
    whole, dot, fraction = format_money(amount_minor, scale_of(currency)).partition(".")
    return f"{int(whole):,}{dot}{fraction}"


def scale_of(currency: str) -> int:
    """Return the decimals of a currency that was checked when it came in."""
    return iso4217.Currency(currency).exponent or 0


def moment(at_ms: int) -> str:
    """Return a time as people read it, in UTC."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def nonce() -> str:
    """Return a number used once, so that a form sent twice acts once."""
    return secrets.token_hex(16)


def return_address(payment: Payment) -> str | None:
    """Return where the shop wants its customer back, with both references added.

    The address says nothing of success: a shop asks the API, it does not believe a browser.
    """
    if payment.return_url is None:
        return None
    parts = urlsplit(payment.return_url)
    added = urlencode({"reference": payment.reference, "sandbox_payment": payment.id})
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))
