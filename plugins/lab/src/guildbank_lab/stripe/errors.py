"""Errors as Stripe words them (https://docs.stripe.com/api/errors)."""

from typing import Any

_TYPES = {401: "invalid_request_error", 402: "card_error", 429: "invalid_request_error"}


class Refused(Exception):
    """Carries an error to the edge; `more` are further members, such as the intent.

    Of many errors Stripe says no more than what is wrong with the request: these have no code.
    """

    def __init__(
        self, status: int, code: str | None, message: str, type_: str | None = None, **more: object
    ) -> None:
        super().__init__(code or message)
        self.status = status
        kind = type_ or _TYPES.get(status, "invalid_request_error")
        coded = {} if code is None else {"code": code, "doc_url": page_of(code)}
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message, **coded, **more}}


def page_of(code: str) -> str:
    """Return where Stripe tells of an error's code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def missing(what: str, id_: str) -> Refused:
    """Return the error of an id that is none of the account's."""
    return Refused(404, "resource_missing", f"No such {what}: '{id_[:60]}'")


def broken() -> dict[str, Any]:
    """Return the body of a failure on Stripe's side."""
    return {"error": {"type": "api_error", "message": "An unknown error occurred."}}
