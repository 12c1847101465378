"""The mail server is one setting; a mistake in it is named at the start, without its secret."""

import pytest
from pydantic import SecretStr

from guildbank.infra.config import BadSettings, Settings
from guildbank.infra.smtp import BadSmtpUrl, SmtpServer, parse_smtp_url


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mx.test", SmtpServer(host="mx.test", port=587, tls="starttls")),
        ("smtp://mx.test?tls=tls", SmtpServer(host="mx.test", port=465, tls="tls")),
        ("smtp://mx.test/?tls=none", SmtpServer(host="mx.test", port=25, tls="none")),
        (
            "smtp://bank:p%40ss%2Fword@mx.test:2525?tls=starttls",
            SmtpServer(
                host="mx.test", port=2525, tls="starttls", user="bank", password="p@ss/word"
            ),
        ),
        (
            "smtp://bank:x@127.0.0.1:1025?tls=none",
            SmtpServer(host="127.0.0.1", port=1025, tls="none", user="bank", password="x"),
        ),
    ],
)
def test_a_mail_server_is_read_from_its_url(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "is not of the form"),
        ("mx.test:587", "is not of the form"),
        ("http://mx.test", "is not of the form"),
        ("smtp://", "is not of the form"),
        ("smtp://mx.test/inbox", "is not of the form"),
        ("smtp://mx.test:port", "is not of the form"),
        ("smtp://bank:pa#ss@mx.test", "special characters"),
        ("smtp://bank:pa/ss@mx.test", "is not of the form"),
        ("smtp://mx.test?tls=maybe", "starttls, tls or none"),
        ("smtp://mx.test?ssl=yes", "no other option"),
        ("smtp://mx.test?tls=tls&tls=none", "no other option"),
        ("smtp://bank@mx.test", "a user and a password"),
        ("smtp://bank:s3cret@mx.test?tls=none", "in clear"),
    ],
)
def test_a_mistake_is_named_and_the_password_is_not(url: str, told: str) -> None:
    with pytest.raises(BadSmtpUrl, match=told) as caught:
        parse_smtp_url(url)
    assert "s3cret" not in str(caught.value)


def test_a_bad_mail_server_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUILDBANK_SMTP_URL", "smtp://bank:s3cret@mx.test?tls=none")
    monkeypatch.setenv("GUILDBANK_MAIL_FROM", "bank@studio.test")
    with pytest.raises(BadSettings, match="'smtp_url': would send the password in clear") as caught:
        Settings.load()
    assert "s3cret" not in str(caught.value)


def test_a_mail_server_needs_a_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUILDBANK_SMTP_URL", "smtp://mx.test")
    with pytest.raises(BadSettings, match=r"^setting 'mail_from': is needed with"):
        Settings.load()
    with pytest.raises(BadSettings, match="'mail_from': This is no mail address"):
        Settings.load(mail_from="bank")
    with pytest.raises(BadSettings, match="'mail_from': A mail address has no line break"):
        Settings.load(mail_from="bank@studio.test\nBcc: x@y.test")
    settings = Settings.load(mail_from="bank@Studio.test")
    assert settings.mail_from == "bank@studio.test"
    assert settings.smtp_server == SmtpServer(host="mx.test", port=587, tls="starttls")


def test_a_server_that_is_shown_shows_no_password() -> None:
    url = "smtp://bank:s3cret@mx.test"
    assert "s3cret" not in repr(parse_smtp_url(url))
    settings = Settings(smtp_url=SecretStr(url), mail_from="bank@studio.test")
    assert "s3cret" not in repr(settings)
