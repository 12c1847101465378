"""PayPal as the lab plays it: orders, captures, refunds, disputes and signed webhooks."""
