"""Messages as PayPal's pages show them, shortened to a purchase like ours.

The shapes and names are those of the pages named beside each; ids of ours stand where a merchant's
own would, and what Guildbank does not read is left out only where it names persons.
"""

from typing import Any

ATTEMPT = "att_01k4zzzzzzzzzzzzzzzzzzzzzz"
REFUND = "ref_01k4zzzzzzzzzzzzzzzzzzzzzz"

# https://developer.paypal.com/docs/api/orders/v2/#orders_get (an order that was captured)
ORDER: dict[str, Any] = {
    "id": "5O190127TN364715T",
    "intent": "CAPTURE",
    "status": "COMPLETED",
    "payment_source": {"paypal": {"account_status": "VERIFIED"}},
    "purchase_units": [
        {
            "reference_id": "default",
            "amount": {"currency_code": "USD", "value": "100.00"},
            "custom_id": ATTEMPT,
            "payments": {
                "captures": [
                    {
                        "id": "3C679366HH908993F",
                        "status": "COMPLETED",
                        "amount": {"currency_code": "USD", "value": "100.00"},
                        "seller_protection": {
                            "status": "ELIGIBLE",
                            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
                        },
                        "final_capture": True,
                        "seller_receivable_breakdown": {
                            "gross_amount": {"currency_code": "USD", "value": "100.00"},
                            "paypal_fee": {"currency_code": "USD", "value": "3.00"},
                            "net_amount": {"currency_code": "USD", "value": "97.00"},
                        },
                        "create_time": "2018-04-01T21:20:49Z",
                        "update_time": "2018-04-01T21:20:49Z",
                        "links": [
                            {
                                "href": "https://api-m.paypal.com/v2/payments/captures/3C679366HH908993F",
                                "rel": "self",
                                "method": "GET",
                            }
                        ],
                    }
                ]
            },
        }
    ],
    "links": [
        {
            "href": "https://api-m.paypal.com/v2/checkout/orders/5O190127TN364715T",
            "rel": "self",
            "method": "GET",
        }
    ],
}

# https://developer.paypal.com/docs/api/orders/v2/#orders_create (with the payment source paypal)
CREATED: dict[str, Any] = {
    "id": "5O190127TN364715T",
    "status": "PAYER_ACTION_REQUIRED",
    "payment_source": {"paypal": {}},
    "links": [
        {
            "href": "https://api-m.paypal.com/v2/checkout/orders/5O190127TN364715T",
            "rel": "self",
            "method": "GET",
        },
        {
            "href": "https://www.paypal.com/checkoutnow?token=5O190127TN364715T",
            "rel": "payer-action",
            "method": "GET",
        },
    ],
}

# https://developer.paypal.com/docs/checkout/standard/customize/handle-funding-failures/
DECLINED: dict[str, Any] = {
    "name": "UNPROCESSABLE_ENTITY",
    "details": [
        {
            "issue": "INSTRUMENT_DECLINED",
            "description": "The instrument presented was either declined by the processor or bank, "
            "or it can't be used for this payment.",
        }
    ],
    "message": "The requested action could not be performed, semantically incorrect, or failed "
    "business validation.",
    "debug_id": "d1edf1f6b2b6a",
    "links": [
        {
            "href": "https://developer.paypal.com/docs/api/orders/v2/#error-INSTRUMENT_DECLINED",
            "rel": "information_link",
            "method": "GET",
        },
        {
            "href": "https://www.paypal.com/checkoutnow?token=5O190127TN364715T",
            "rel": "redirect",
            "method": "GET",
        },
    ],
}

# https://developer.paypal.com/api/rest/webhooks/event-names/ (orders: CHECKOUT.ORDER.APPROVED)
APPROVED: dict[str, Any] = {
    "id": "WH-COC11055RA711503B-4YM959094A144403T",
    "create_time": "2018-04-16T21:21:49.000Z",
    "event_type": "CHECKOUT.ORDER.APPROVED",
    "resource_type": "checkout-order",
    "resource_version": "2.0",
    "summary": "An order has been approved by buyer",
    "event_version": "1.0",
    "resource": {
        "id": "5O190127TN364715T",
        "status": "APPROVED",
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "reference_id": "default",
                "custom_id": ATTEMPT,
                "amount": {"currency_code": "USD", "value": "100.00"},
            }
        ],
        "create_time": "2018-04-01T21:18:49Z",
        "links": [],
    },
}

# https://developer.paypal.com/api/rest/webhooks/event-names/ (PAYMENT.CAPTURE.COMPLETED)
CAPTURED: dict[str, Any] = {
    "id": "WH-58D329510W468432D-8HN650336L201105X",
    "create_time": "2019-02-14T21:50:07.940Z",
    "resource_type": "capture",
    "event_type": "PAYMENT.CAPTURE.COMPLETED",
    "summary": "Payment completed for $ 2.51 USD",
    "resource": {
        "amount": {"currency_code": "USD", "value": "2.51"},
        "supplementary_data": {"related_ids": {"order_id": "1W5313654M9708630"}},
        "update_time": "2019-02-14T21:49:58Z",
        "create_time": "2019-02-14T21:49:58Z",
        "final_capture": True,
        "custom_id": ATTEMPT,
        "links": [
            {
                "href": "https://api.paypal.com/v2/payments/captures/27M47624FP291604U",
                "rel": "self",
                "method": "GET",
            }
        ],
        "id": "27M47624FP291604U",
        "status": "COMPLETED",
    },
    "event_version": "1.0",
    "resource_version": "2.0",
}

# https://developer.paypal.com/api/rest/webhooks/event-names/ (PAYMENT.CAPTURE.REFUNDED)
REFUNDED: dict[str, Any] = {
    "id": "WH-1GE84257G0350133W-6RW800890C634293G",
    "create_time": "2018-08-15T19:14:04.543Z",
    "resource_type": "refund",
    "event_type": "PAYMENT.CAPTURE.REFUNDED",
    "summary": "A $ 0.99 USD capture payment was refunded",
    "resource": {
        "amount": {"currency_code": "USD", "value": "0.99"},
        "update_time": "2018-08-15T12:13:29-07:00",
        "create_time": "2018-08-15T12:13:29-07:00",
        "links": [
            {
                "href": "https://api.paypal.com/v2/payments/refunds/1Y107995YT783435V",
                "rel": "self",
                "method": "GET",
            },
            {
                "href": "https://api.paypal.com/v2/payments/captures/0JF852973C016714D",
                "rel": "up",
                "method": "GET",
            },
        ],
        "id": "1Y107995YT783435V",
        "status": "COMPLETED",
    },
    "event_version": "1.0",
    "resource_version": "2.0",
}

# https://developer.paypal.com/docs/disputes/integrate-disputes-webhooks/ (CREATED)
DISPUTED: dict[str, Any] = {
    "id": "WH-4M0448861G563140B-9EX36365822141321",
    "create_time": "2018-06-21T13:36:33.000Z",
    "resource_type": "dispute",
    "event_type": "CUSTOMER.DISPUTE.CREATED",
    "summary": "A new dispute opened with Case # PP-000-042-663-135",
    "resource": {
        "dispute_id": "PP-000-042-663-135",
        "create_time": "2018-06-21T13:35:44.000Z",
        "disputed_transactions": [
            {
                "seller_transaction_id": "00D10444LD479031K",
                "seller": {"merchant_id": "RD465XN5VS364", "name": "Test Store"},
                "items": [],
                "seller_protection_eligible": True,
            }
        ],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "dispute_channel": "INTERNAL",
        "dispute_amount": {"currency_code": "USD", "value": "3.00"},
        "dispute_life_cycle_stage": "INQUIRY",
        "status": "OPEN",
    },
}

# https://developer.paypal.com/docs/disputes/webhooks (UPDATED has the fields of CREATED)
UPDATED: dict[str, Any] = {
    **DISPUTED,
    "id": "WH-2UN74253EL6543216-3S7895431P0234219",
    "event_type": "CUSTOMER.DISPUTE.UPDATED",
}

# https://developer.paypal.com/docs/disputes/integrate-disputes-webhooks/ (RESOLVED)
RESOLVED: dict[str, Any] = {
    **DISPUTED,
    "id": "WH-6SA34813406280445-6M160383LS6155516",
    "event_type": "CUSTOMER.DISPUTE.RESOLVED",
    "resource": {
        **DISPUTED["resource"],
        "dispute_life_cycle_stage": "CHARGEBACK",
        "status": "RESOLVED",
        "dispute_outcome": {
            "outcome_code": "RESOLVED_BUYER_FAVOUR",
            "amount_refunded": {"currency_code": "USD", "value": "3.00"},
        },
    },
}
