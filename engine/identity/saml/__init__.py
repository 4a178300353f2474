"""Answers of the organisation's SAML 2.0 identity provider; needs `pip install hoopaddon[saml]`."""
