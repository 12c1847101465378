"""Mail addresses are read strictly, so that nothing hides in one."""

import pytest

from guildbank.kernel import Refusal, has_control, is_loopback, parse_address


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("alice@player.test", "alice@player.test"),
        ("Alice.B+tag@Player.Example.COM", "Alice.B+tag@player.example.com"),
        ("a@bücher.de", "a@xn--bcher-kva.de"),
    ],
)
def test_an_address_is_read_with_its_domain_in_lower_case(text: str, read: str) -> None:
    assert parse_address(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@",
        "@player.test",
        "alice@localhost",
        "alice@corp.local",
        "alice@[127.0.0.1]",
        '"a b"@player.test',
        "алиса@player.test",
        "Alice <alice@player.test>",
        "alice@player.test,bob@player.test",
        "alice@player.test\r\nBcc: bob@player.test",
        " alice@player.test",
        "alice@player.test\x00",
        "a" * 300 + "@player.test",
    ],
)
def test_anything_else_is_refused_with_its_field(text: str) -> None:
    refused = parse_address(text, "settings.mail.replyTo")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("address_invalid", "settings.mail.replyTo")
    assert refused.detail.endswith(".")


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"]
)
def test_line_breaks_controls_and_turning_marks_are_seen(text: str) -> None:
    assert has_control(text)


@pytest.mark.parametrize("text", ["", "plain text", "Привет, мир", "名前", "👩‍💻 é"])
def test_text_in_any_script_has_no_controls(text: str) -> None:
    assert not has_control(text)


def test_this_machine_is_told_from_others() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1")] == [
        True
    ] * 4
    assert not any(is_loopback(host) for host in ("localhost.evil.test", "10.0.0.1", "0.0.0.0", ""))
