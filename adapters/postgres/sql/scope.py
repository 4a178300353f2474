"""Which queries of WITH can be seen from a place in a statement."""

from hoopaddon.adapters.postgres.sql.syntax import Node


class Scope:
    """The CTEs that can be seen from one place: those of the nearest WITH, as far as it goes, and all around it.

    The places in a WITH share its CTEs: a copy for each would take memory by the square of their number.
    """

    __slots__ = ("_ctes", "_outer", "_positions", "_visible")

    def __init__(self, outer: "Scope | None" = None) -> None:
        self._outer = outer
        self._ctes: list[tuple[Node, Scope]] = []
        self._positions: dict[str, int] = {}
        self._visible = 0
        """How many of the CTEs can be seen from here."""

    def within(self, clause: Node) -> "Scope":
        """What a statement sees that stands here and has this WITH."""
        whole = Scope(self)
        for position, item in enumerate(clause.get("ctes", [])):
            cte = item["CommonTableExpr"]
            # A CTE sees those before it; with RECURSIVE all of them, itself included.
            seen = whole if clause.get("recursive") else whole._until(position)
            whole._ctes.append((cte, seen))
            whole._positions[cte["ctename"]] = position
        whole._visible = len(whole._ctes)
        return whole

    def _until(self, position: int) -> "Scope":
        scope = Scope(self._outer)
        scope._ctes, scope._positions, scope._visible = self._ctes, self._positions, position
        return scope

    def ctes(self) -> list[tuple[Node, "Scope"]]:
        """The CTEs of the nearest WITH, each with what its query sees."""
        return self._ctes[: self._visible]

    def query(self, table: Node) -> tuple[Node, "Scope"] | None:
        """The query that a name in FROM stands for, and what that sees; None for a table."""
        if "schemaname" in table:
            return None
        name = table.get("relname", "")
        scope: Scope | None = self
        while scope is not None:
            position = scope._positions.get(name)
            if position is not None and position < scope._visible:
                cte, seen = scope._ctes[position]
                return next(iter(cte["ctequery"].values())), seen
            scope = scope._outer
        return None
