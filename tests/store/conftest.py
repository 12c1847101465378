"""The shops of payments, since a pack is only proved by selling it."""

from tests.payments.conftest import house, shop

__all__ = ["house", "shop"]
