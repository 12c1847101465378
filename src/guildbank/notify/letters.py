"""Texts of mail: plain files beside the rooms that own them, made into a text and an HTML part.

A file's first line is the subject. Paragraphs follow, parted by empty lines. One of the form
`Label: {{ some_link }}` is a link. One that is nothing but a placeholder is shown large where its
name ends in `code`, and as rows under each other where it ends in `rows`. One that says nothing is
left out. Nothing else has a meaning, so that who writes them needs to know no HTML.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from jinja2 import Environment, StrictUndefined, Template
from jinja2.meta import find_undeclared_variables

from guildbank.infra.room import MailTemplate
from guildbank.notify.contracts import Brand, Rendered
from guildbank.notify.rules import is_link

LOCALES = ("en", "ru")
GIVEN = frozenset(("brand",))
"""What every text may use besides the values of its mail: the brand's name."""
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "address": "If the button does not work, open this address:",
        "support": "Questions? Write to",
    },
    "ru": {
        "address": "Если кнопка не работает, откройте этот адрес:",
        "support": "Есть вопросы? Пишите:",
    },
}
_LINK = re.compile(r"(?P<label>[^{}\n]+):\s*(?P<text>\{\{\s*\w*link\s*\}\})")
_ROWS = re.compile(r"\{\{\s*\w*rows\s*\}\}")
_CODE = re.compile(r"\{\{\s*\w*code\s*\}\}")

# Autoescape is chosen by the part: what stands in a text part is what was written.
_text = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
_html = Environment(undefined=StrictUndefined, autoescape=True)

Kind = Literal["text", "link", "code", "rows"]


class BadTemplate(ValueError):
    """A text is not there or not of the form that this module reads."""


class Paragraph(NamedTuple):
    """One paragraph; `label` is what a link's button says."""

    kind: Kind
    text: str
    label: str = ""


class Text(NamedTuple):
    """A mail's text in one language: templates of its subject and its paragraphs."""

    subject: Template
    paragraphs: tuple[tuple[Kind, Template, str], ...]
    names: frozenset[str]
    """The values that it uses."""


class Letters:
    """The mail that the rooms send, by name. Texts are read when they are first needed."""

    def __init__(self, templates: Iterable[MailTemplate]) -> None:
        self._declared = {template.name: template for template in templates}

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def expect(self, name: str, values: Mapping[str, str]) -> None:
        """Raise LookupError or ValueError unless there is such a mail with these very values.

        Both are defects of the room that sends.
        """
        declared = self._declared.get(name)
        if declared is None:
            raise LookupError(f"no room declares the mail {name!r}")
        if set(values) != set(declared.values):
            raise ValueError(f"{name} takes {sorted(declared.values)}, not {sorted(values)}")

    def has_links(self, name: str) -> bool:
        """Say whether readers of this mail are sent to the tenant's pages."""
        return any(is_link(value) for value in self._declared[name].values)

    def render(
        self, name: str, locale: str | None, values: Mapping[str, str], brand: Brand
    ) -> Rendered:
        """Return the message in the reader's language, or else the brand's.

        Raises LookupError for a mail that no room declares any more, ValueError where it has links
        and the brand has no address.
        """
        self.expect(name, values)
        if brand.base_url is None and self.has_links(name):
            raise ValueError("there is no address for links to begin with")
        tongue = (locale or "").lower().replace("_", "-").partition("-")[0]
        tongue = tongue if tongue in LOCALES else brand.locale
        filled = {
            value: f"{brand.base_url}{text}" if is_link(value) else text
            for value, text in values.items()
        }
        return fill(text_of(name, tongue), tongue, filled, brand)


@cache
def text_of(name: str, locale: str) -> Text:
    """Return the text of a mail in one language; raises BadTemplate."""
    room, _, verb = name.partition(".")
    file = files(f"guildbank.{room}").joinpath("mails", f"{verb}.{locale}.txt")
    if not file.is_file():
        raise BadTemplate(f"{name} has no text mails/{verb}.{locale}.txt in its room")
    return read_text(file.read_text(encoding="utf-8"))


def read_text(source: str) -> Text:
    """Return the template that a file's contents are; raises BadTemplate."""
    subject, _, rest = source.strip().partition("\n")
    paragraphs = [one.strip() for one in re.split(r"\n\s*\n", rest) if one.strip()]
    if not subject.strip() or not paragraphs or rest.partition("\n")[0].strip():
        raise BadTemplate("a text begins with its subject and an empty line, and says something")
    parts = tuple(_paragraph(one) for one in paragraphs)
    names = find_undeclared_variables(_text.parse(source))
    return Text(_text.from_string(subject.strip()), parts, frozenset(names))


def _paragraph(source: str) -> tuple[Kind, Template, str]:
    link = _LINK.fullmatch(source)
    if link is not None:
        return "link", _text.from_string(link["text"]), link["label"].strip()
    if _CODE.fullmatch(source):
        return "code", _text.from_string(source), ""
    if _ROWS.fullmatch(source):
        return "rows", _text.from_string(source), ""
    return "text", _text.from_string(" ".join(source.split())), ""


def fill(text: Text, locale: str, values: Mapping[str, str], brand: Brand) -> Rendered:
    """Return the message; `values` has links in full."""
    given = {**values, "brand": brand.name}
    subject = text.subject.render(given)
    rendered = [
        Paragraph(kind, template.render(given), label) for kind, template, label in text.paragraphs
    ]
    paragraphs = [one for one in rendered if one.text.strip()]
    words = WORDS[locale]
    html = _layout().render(
        subject=subject,
        paragraphs=paragraphs,
        brand=brand,
        words=words,
        locale=locale,
        ink=ink_on(brand.color),
    )
    plain = [f"{one.label}:\n{one.text}" if one.label else one.text for one in paragraphs]
    plain.append(brand.name)
    if brand.support:
        plain[-1] += f"\n{words['support']} {brand.support}"
    links = [one.text for one in paragraphs if one.kind == "link"]
    return Rendered(subject=subject, text="\n\n".join(plain) + "\n", html=html, links=links)


def ink_on(color: str) -> str:
    """Return black or white, whichever is read more easily on `#rrggbb` (W3C AERT, brightness)."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#000000" if 299 * red + 587 * green + 114 * blue > 150_000 else "#ffffff"


@cache
def _layout() -> Template:
    source = files("guildbank.notify").joinpath("layout.html").read_text(encoding="utf-8")
    return _html.from_string(source)
