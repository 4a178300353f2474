"""Somebody at a browser: `python browser.py USER ADDRESS` logs in there, wherever that leads."""

import sys

import httpx2

from tests.servers.oidc import pages


def browse(user: str, address: str) -> str:
    """What the last page says."""
    with httpx2.Client(trust_env=False, timeout=30) as browser:
        return pages(browser, address, user)


if __name__ == "__main__":
    browse(*sys.argv[1:])
