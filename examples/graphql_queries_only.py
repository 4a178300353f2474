"""Members of some groups may only read over GraphQL: no mutations, and nothing that is not shown.

hoopaddon -s graphql_queries_only.py --set reading_groups=agents --set graphql_paths=/graphql
"""

from collections.abc import Iterable, Sequence

from hoopaddon import HttpCommand, Loader, Refused, ctx


def items(values: Iterable[str]) -> frozenset[str]:
    return frozenset(item.strip() for value in values for item in value.split(",") if item.strip())


class GraphQLQueriesOnly:
    def load(self, loader: Loader) -> None:
        loader.add_option("reading_groups", Sequence[str], [], "Groups whose members may only read.")
        loader.add_option("graphql_paths", Sequence[str], ["/graphql"], "The only paths that they may ask.")

    def http_request(self, command: HttpCommand) -> None:
        if not command.session.user.groups & items(ctx.options.reading_groups):
            return
        if not {path.rstrip("/") for _, path in command.calls} <= items(ctx.options.graphql_paths):
            raise Refused("GraphQL is all that is here for you")
        if not command.operations:
            raise Refused("write out a GraphQL operation")
        for operation in command.operations:
            # A hash or an id names an operation that only the server knows.
            if operation.type != "query":
                raise Refused(f"{operation.type or 'a stored operation'}: only queries")


addons = [GraphQLQueriesOnly()]
