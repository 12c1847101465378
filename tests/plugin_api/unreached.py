"""A network that must not be used."""


class Unreached:
    """Fails the test that sends anything."""

    async def send(self, method, url, *, headers=None, body=None):
        raise AssertionError(f"{url} was called")
