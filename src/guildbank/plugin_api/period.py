"""What a purchase paid of a subscription, said along with its outcome."""

from datetime import datetime

import msgspec


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A period of a subscription that a store sold.

    `subscription` is the store's own name of it, the same for every renewal; `began_at` is since
    when the period lasts, `ends_at` until when. `product_id` is what it is a period of, such as the
    id of a pack: after an upgrade it may be another than the payment's; None where nothing here is
    sold by it. With `credits` false nobody paid for the period and the settings say that it credits
    nothing.
    """

    subscription: str
    began_at: datetime
    ends_at: datetime
    product_id: str | None = None
    credits: bool = True
