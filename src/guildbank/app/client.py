"""Speaks to a running server as any other client would: HTTP, a key, problems as sentences."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 30.0


class Refused(Exception):
    """The server answered with a problem, or not at all; the message is for a person.

    `code` is the problem's stable code, empty when no server answered.
    """

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Client:
    """Calls with one key, or with none; a context manager."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self._url,
            headers={} if key is None else {"authorization": f"Bearer {key}"},
            timeout=TIMEOUT_SECONDS,
            # A proxy of the environment is for the internet, and would see the key.
            trust_env=False,
        )

    def get(self, path: str, **query: str | int | None) -> Any:
        """Return the answer's JSON."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", path, params=given)

    def post(self, path: str, body: Mapping[str, object] | None = None, key: str = "") -> Any:
        """Send a command; `key` is its idempotency key."""
        headers = {"idempotency-key": key} if key else {}
        return self._call("POST", path, json=body, headers=headers)

    def put(self, path: str, body: Mapping[str, object]) -> Any:
        """Set what stands at the address."""
        return self._call("PUT", path, json=body)

    def patch(self, path: str, body: Mapping[str, object]) -> Any:
        """Change parts of what stands at the address."""
        return self._call("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """Take away what stands at the address."""
        self._call("DELETE", path)

    def items(self, path: str, **query: str | int | None) -> Iterator[dict[str, Any]]:
        """Yield every row of a list, page by page."""
        after: str | None = None
        while True:
            page = self.get(path, **query, after=after)
            yield from page["items"]
            after = page.get("next")
            if after is None:
                return

    def _call(self, method: str, path: str, **given: Any) -> Any:
        try:
            answer = self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise Refused(
                f"No Guildbank answers at {self._url} ({type(error).__name__}). Start one with "
                "`guildbank up`, or name its address in GUILDBANK_URL."
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refused(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()


def _refused(answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return Refused(
            f"{answer.request.url} answered {answer.status_code} and is no Guildbank.",
            status=answer.status_code,
        )
    field = f" ({problem['field']})" if problem.get("field") else ""
    return Refused(f"{detail}{field} [{code}]", code, answer.status_code)
