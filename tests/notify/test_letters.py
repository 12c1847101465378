"""Every mail exists in English and Russian, uses what it declares, and is safe to look at."""

import re

import pytest

from guildbank.app.rooms import all_rooms, mails_of
from guildbank.infra.room import MailTemplate
from guildbank.notify import LOCALES, BadTemplate, Letters
from guildbank.notify.contracts import Brand
from guildbank.notify.letters import GIVEN, fill, ink_on, read_text, text_of
from guildbank.notify.rules import check_values, is_link

MAILS = mails_of(all_rooms())
BRAND = Brand(
    name="Moonlit", from_name="Moonlit", color="#2f4858", base_url="https://m.test", locale="en"
)
CYRILLIC = re.compile(r"[а-яё]")
each = pytest.mark.parametrize(
    ("mail", "locale"),
    [(mail, locale) for mail in MAILS for locale in LOCALES],
    ids=lambda one: one if isinstance(one, str) else one.name,
)


def faults(mail: MailTemplate, locale: str, used: frozenset[str]) -> list[str]:
    """Return a sentence for each way in which a text and its declaration differ."""
    declared = set(mail.values)
    unknown, unused = used - declared - GIVEN, declared - used
    return [f"{mail.name} in {locale} uses {name}, which is not declared" for name in unknown] + [
        f"{mail.name} in {locale} never says {name}" for name in unused
    ]


CHOOSING = frozenset({"factor"})
"""Values that choose between words of a mail, and are not shown."""


def values_of(mail: MailTemplate) -> dict[str, str]:
    return {name: f"/{name}?x=1" if is_link(name) else f"<{name}>" for name in mail.values}


@each
def test_a_mail_says_in_each_language_what_it_declares(mail: MailTemplate, locale: str) -> None:
    assert faults(mail, locale, text_of(mail.name, locale).names) == []


@each
def test_a_mail_renders_in_each_language(mail: MailTemplate, locale: str) -> None:
    values = values_of(mail)
    message = Letters(MAILS).render(mail.name, locale, values, BRAND)
    assert "\n" not in message.subject
    assert bool(CYRILLIC.search(message.subject + message.text)) == (locale == "ru")
    assert 100 < len(message.text) < 2_000
    for name, value in values.items():
        if name in CHOOSING:
            continue
        whole = f"https://m.test{value}" if is_link(name) else value
        assert whole in f"{message.subject}\n{message.text}"
        assert whole.replace("<", "&lt;").replace(">", "&gt;") in message.html
        assert (whole in message.links) == is_link(name)
    assert "{{" not in message.text + message.html


def test_every_room_names_its_mails_after_itself() -> None:
    for room in all_rooms():
        for mail in room.mails:
            assert mail.name.startswith(f"{room.name}.")
    assert len({mail.name for mail in MAILS}) == len(MAILS) >= 8


def test_a_missing_language_a_missing_value_and_a_strange_one_are_found() -> None:
    with pytest.raises(BadTemplate, match=r"no text mails/nothing\.en\.txt"):
        text_of("identity.nothing", "en")
    mail = MailTemplate("identity.x", ("link",))
    used = read_text("Hello\n\nYour {{ code }}.").names
    assert len(faults(mail, "en", used)) == 2


def test_a_value_that_is_not_given_is_an_error_and_never_an_empty_line() -> None:
    with pytest.raises(Exception, match="'code' is undefined"):
        fill(read_text("Hello\n\nYour {{ code }}."), "en", {}, BRAND)


@pytest.mark.parametrize("source", ["", "Hello", "Hello\nworld", "\n\n"])
def test_a_text_without_subject_or_body_is_refused(source: str) -> None:
    with pytest.raises(BadTemplate):
        read_text(source)


def test_what_a_reader_is_told_is_no_html() -> None:
    text = read_text("{{ name }}\n\n{{ name }}\n\nOpen: {{ link }}\n\n{{ code }}")
    evil = "</p><script>alert(1)</script>"
    values = {"name": evil, "link": 'https://m.test/"><b>', "code": "<i>1"}
    message = fill(text, "en", values, BRAND)
    for tag in ("<script", "<b>", "<i>", "</p><script"):
        assert tag not in message.html
    assert evil in message.text


def test_what_a_reader_is_told_is_no_template() -> None:
    message = fill(read_text("Hi\n\n{{ name }}"), "en", {"name": "{{ brand }}"}, BRAND)
    assert "{{ brand }}" in message.text
    assert "{{ brand }}" in message.html


def test_rows_stand_under_each_other_and_what_is_empty_is_left_out() -> None:
    text = read_text("Hi\n\n{{ sold_rows }}\n\n{{ closing }}\n\nThe end.")
    message = fill(text, "en", {"sold_rows": "<a>: 1\nb: 2", "closing": ""}, BRAND)
    assert message.text.startswith("<a>: 1\nb: 2\n\nThe end.\n")
    assert "&lt;a&gt;: 1<br>" in message.html
    assert message.html.count("<p ") == 2


def test_a_row_has_no_control_character_and_only_rows_have_many_lines() -> None:
    assert check_values({"sold_rows": "a\nb"}) is None
    for values in ({"sold_rows": "a\r\nb"}, {"sold_rows": "a\n\u202eb"}, {"title": "a\nb"}):
        refusal = check_values(values)
        assert refusal is not None
        assert refusal.code == "control_character"


def test_a_link_becomes_a_button_and_a_code_is_large() -> None:
    text = read_text("Hi\n\nSign in: {{ sign_in_link }}\n\n{{ code }}\n\nThe code is {{ code }}.")
    message = fill(text, "en", {"sign_in_link": "https://m.test/in", "code": "42"}, BRAND)
    assert "Sign in:\nhttps://m.test/in\n" in message.text
    assert re.search(r'<a href="https://m\.test/in"[^>]*>Sign in</a>', message.html)
    assert "<strong>42</strong>" in message.html
    assert '<p style="margin:0 0 16px">The code is 42.</p>' in message.html
    assert message.links == ["https://m.test/in"]


def test_a_button_can_be_read_on_any_color() -> None:
    assert (ink_on("#000000"), ink_on("#2f4858"), ink_on("#aa0011")) == ("#ffffff",) * 3
    assert (ink_on("#ffffff"), ink_on("#ffee00"), ink_on("#9fe0c0")) == ("#000000",) * 3
