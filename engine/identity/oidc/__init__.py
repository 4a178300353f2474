"""Tokens of the organisation's OpenID Connect provider."""
