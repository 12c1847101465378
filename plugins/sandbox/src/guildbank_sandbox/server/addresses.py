"""Which addresses the server may call or send a browser to."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def is_web_address(url: str) -> bool:
    """Say whether `url` is an absolute http or https address without a user name in it."""
    return _split(url) is not None


def is_loopback(url: str) -> bool:
    """Say whether `url` names this machine by itself: no DNS answer is asked or believed."""
    parts = _split(url)
    if parts is None or parts.hostname is None:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    # A backslash or control character is read differently by browsers and by urlsplit.
    if any(character <= " " or character in "\\\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return None
    return parts
