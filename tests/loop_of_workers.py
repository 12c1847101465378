"""Runs asynchronous code of tests on the event loop that worker processes have."""

import asyncio
import warnings

import uvloop


def pytest_configure() -> None:
    """Make it the loop of whoever asks for none in particular.

    pytest-asyncio takes a loop for each test by a parameter too, but then tests with and without
    one do not share what a whole run shares.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
