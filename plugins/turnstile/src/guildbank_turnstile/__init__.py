"""Captchas by Cloudflare Turnstile."""
