"""Refunds above an amount wait for somebody of the group `finance`, in whatever way the amount is written.

hoopaddon -s hold_refunds.py --set refund_limit=100 --set refund_routes=/v1/refunds
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from hoopaddon import HttpCommand, Loader, Refused, ctx


class HoldRefunds:
    def load(self, loader: Loader) -> None:
        loader.add_option("refund_limit", int, 100, "The highest amount that is refunded without an approval.")
        loader.add_option("refund_routes", Sequence[str], ["/v1/refunds"], "Where refunds are asked for.")

    async def http_request(self, command: HttpCommand) -> None:
        # Whatever way of writing the path a server may understand, and whatever method it may take it for.
        asked = {path.rstrip("/").lower() for method, path in command.calls if method in ("post", "put", "patch")}
        if asked.isdisjoint(ctx.options.refund_routes):
            return
        if not command.body_seen:
            raise Refused("a refund's body has to be one that can be read")
        # In the query, in JSON, in a form, at any depth and in any case: the highest of them counts.
        amounts = [number(value) for value in command.values("amount")]
        if not amounts:
            raise Refused("a refund names its amount")
        if (highest := max(amounts)) > ctx.options.refund_limit:
            await command.approve(f"a refund of {highest}", by=["finance"], within_s=900)


def number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise Refused("an amount is a number") from None
    if not found.is_finite():
        raise Refused("an amount is a number")
    return found


addons = [HoldRefunds()]
