"""The words of receipts in each language that mail is written in."""

from collections.abc import Mapping

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language; `{seller}` and `{rate}` stand for what is put in."""

    receipt: str
    thanks: str
    refund: str
    went_back: str
    number: str
    refund_number: str
    date: str
    seller: str
    address: str
    tax_id: str
    product: str
    payment: str
    price: str
    included: str
    total: str
    sent_back: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        receipt="Your receipt from {seller}",
        thanks="Thank you for your purchase. This is your receipt.",
        refund="Your refund from {seller}",
        went_back="Money went back to you by the way you paid. Depending on your bank it takes "
        "some days to arrive.",
        number="Receipt",
        refund_number="Refund",
        date="Date",
        seller="Seller",
        address="Address",
        tax_id="Tax id",
        product="Product",
        payment="Payment",
        price="Price",
        included="of which {label}",
        total="Total",
        sent_back="Sent back",
    ),
    "ru": Words(
        receipt="Квитанция от {seller}",
        thanks="Спасибо за покупку. Это подтверждение оплаты.",
        refund="Возврат денег от {seller}",
        went_back="Вам возвращены деньги тем же способом, которым вы платили. В зависимости от "
        "банка они придут через несколько дней.",
        number="Квитанция",
        refund_number="Возврат",
        date="Дата",
        seller="Продавец",
        address="Адрес",
        tax_id="Налоговый номер",
        product="Товар",
        payment="Платёж",
        price="Цена",
        included="в том числе {label}",
        total="Итого",
        sent_back="Возвращено",
    ),
}
