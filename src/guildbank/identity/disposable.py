"""Addresses that live for minutes: the list of disposable-email-domains, which is a package."""

from disposable_email_domains import blocklist

from guildbank.identity.contracts.players import Email


def is_disposable(email: Email) -> bool:
    """Say whether the address is at a domain that gives such addresses away, or below one."""
    domain = email.canonical.rpartition("@")[2].rstrip(".")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = domain
    labels = ascii_domain.split(".")
    return any(".".join(labels[at:]) in blocklist for at in range(len(labels) - 1))
