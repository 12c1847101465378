"""Errors as PayPal words them (https://developer.paypal.com/api/rest/responses/)."""

from typing import Any

CONFLICT = 409
_NAMES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect."),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    401: ("AUTHENTICATION_FAILURE", "Authentication failed due to invalid credentials."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    CONFLICT: (
        "RESOURCE_CONFLICT",
        "The server has detected a conflict while processing this request.",
    ),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business "
        "validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error has occurred."),
}
_STATUSES = {
    "INVALID_PARAMETER_SYNTAX": 400, "INVALID_PARAMETER_VALUE": 400, "INVALID_STRING_LENGTH": 400,
    "MALFORMED_REQUEST_JSON": 400, "MISSING_REQUIRED_PARAMETER": 400, "CONSENT_NEEDED": 403,
    "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING": 403, "PERMISSION_DENIED": 403, "INVALID_RESOURCE_ID": 404,
    "PREVIOUS_REQUEST_IN_PROGRESS": CONFLICT,
}  # fmt: skip
"""Of issues that are not 422."""


class Refused(Exception):
    """Carries an error to the edge."""

    def __init__(self, status: int, issue: str, description: str = "") -> None:
        super().__init__(issue)
        self.status = status
        self.body = body_of(status, issue, description)


def refused(issue: str) -> Refused:
    """Return the error of an issue, with the status that PayPal gives it."""
    return Refused(_STATUSES.get(issue, 422), issue)


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
