"""Starts oidc-provider, an OpenID provider that no one here wrote, and signs people in there.

with OidcProvider() as server:
    back = server.sign_in(begun.url, "ann")    # the parameters with which Ann comes back

`make test` installs it, in the version of tests/servers/oidc/package-lock.json, where there is
Node 20 or later.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

FOLDER = Path(__file__).parent / "oidc"
REDIRECT_URI = "https://game.example/back"
SECRET = "a secret/with+signs that must be escaped"
_STOP_SECONDS = 5
_MOST_PAGES = 12


def is_installed() -> bool:
    """Say whether there is a Node and what `make test` installs for it."""
    return shutil.which("node") is not None and (FOLDER / "node_modules/oidc-provider").is_dir()


class OidcProvider:
    """A running oidc-provider; `issuer` is its address. A context manager that stops it.

    People may be sent back to REDIRECT_URI and to `also`. `host` is a name of this machine.
    """

    def __init__(self, *also: str, host: str = "127.0.0.1") -> None:
        self._back = (REDIRECT_URI, *also)
        node = shutil.which("node")
        assert node is not None
        self._process = subprocess.Popen(
            [node, FOLDER / "server.mjs", *also],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OIDC_HOST": host},
        )
        assert self._process.stdout is not None
        self.issuer = self._process.stdout.readline().strip()
        if not self.issuer:
            self.stop()
            raise RuntimeError("oidc-provider did not start; it said why on stderr")

    def tell(self, name: str, **more: object) -> None:
        """Let the provider know more of a person: claims, and `amr` of how they sign in."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"name": name, **more}) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "known\n"

    def sign_in(self, url: str, name: str, *, consents: bool = True) -> dict[str, str]:
        """Do what a person does in a browser; return the parameters of the redirect back."""
        with httpx.Client(timeout=20, trust_env=False) as browser:
            answer = browser.get(url)
            for _ in range(_MOST_PAGES):
                if answer.is_redirect:
                    target = urljoin(str(answer.url), answer.headers["location"])
                    if target.startswith(self._back):
                        return dict(parse_qsl(urlsplit(target).query))
                    answer = browser.get(target)
                elif 'name="login"' in answer.text:
                    form = {"prompt": "login", "login": name, "password": "any"}
                    answer = browser.post(_action(answer), data=form)
                elif 'value="consent"' in answer.text and consents:
                    answer = browser.post(_action(answer), data={"prompt": "consent"})
                elif 'value="consent"' in answer.text:
                    answer = browser.get(f"{_action(answer)}/abort")
                else:
                    raise RuntimeError(
                        f"unexpected page {answer.status_code}: {answer.text[:2000]}"
                    )
        raise RuntimeError("the provider leads in circles")

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _action(answer: httpx.Response) -> str:
    found = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
    assert found is not None, answer.text[:2000]
    return urljoin(str(answer.url), found.group(1))
