"""Errors as PayPal words them (https://developer.paypal.com/api/rest/responses/)."""

from typing import Any

_NAMES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect."),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    401: ("AUTHENTICATION_FAILURE", "Authentication failed due to invalid credentials."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    422: ("UNPROCESSABLE_ENTITY", "The requested action could not be performed."),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error has occurred."),
}


class Refused(Exception):
    """Carries an error to the edge."""

    def __init__(self, status: int, issue: str, description: str = "") -> None:
        super().__init__(issue)
        self.status = status
        self.body = body_of(status, issue, description)


def body_of(status: int, issue: str, description: str = "") -> dict[str, Any]:
    """Return the body of an error."""
    name, message = _NAMES[status]
    return {
        "name": name,
        "message": message,
        "debug_id": "lab",
        "details": [{"issue": issue, "description": description or issue}],
        "links": [],
    }
