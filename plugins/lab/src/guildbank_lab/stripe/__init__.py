"""Stripe in the lab: payment intents, Checkout, refunds, disputes and their webhooks."""
