"""Finds a taken port before anything is started, so that the refusal is one clear sentence."""

import errno
import socket


class PortTakenError(RuntimeError):
    """The server cannot listen where it was told to; the sentence says why and what to do."""


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen on host and port now."""
    try:
        require_free_port(host, port)
    except PortTakenError:
        return False
    return True


def require_free_port(host: str, port: int) -> None:
    """Raise PortTakenError unless a server could listen on host and port now."""
    if not 0 <= port <= 65535:
        raise PortTakenError(f"{port} is no port: choose one from 1024 to 65535, such as 8080.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # A name that no resolver could be asked for is a UnicodeError.
    except (socket.gaierror, UnicodeError) as error:
        raise PortTakenError(
            f"Cannot listen on {host}:{port}: {host!r} is no address of this machine ({error}). "
            "Use 127.0.0.1 for this machine only, or 0.0.0.0 for every interface."
        ) from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        # A port whose last connections still linger is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise PortTakenError(_sentence(host, port, error)) from error


def _another(port: int) -> int:
    """Return the next port but two: often a server holds this one, and its demo the next two."""
    return port + 3 if port < 65532 else 8080


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. Stop it (`ss -ltnp` names it), "
            f"or choose another port, for example --port {_another(port)}."
        )
    if error.errno == errno.EACCES:
        return (
            f"Port {port} needs rights that this user does not have. Choose one from 1024 up, "
            "for example --port 8080."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Cannot listen on {host}:{port}: {host} is no address of this machine. Use "
            "127.0.0.1 for this machine only, or 0.0.0.0 for every interface."
        )
    return f"Cannot listen on {host}:{port}: {error}."
