"""Each group may change things in its own namespaces only; everybody may look.

hoopaddon -s namespaces_of_groups.py --set namespaces=shop=shop-team,shop-test=shop-team,db=dba
"""

from collections.abc import Sequence

from hoopaddon import KubeCommand, Loader, Refused, ctx

LOOKING = frozenset({"get", "list", "watch", "logs"})


class NamespacesOfGroups:
    def load(self, loader: Loader) -> None:
        loader.add_option("namespaces", Sequence[str], [], "Namespaces and the groups that own them: shop=shop-team.")

    def kube_request(self, command: KubeCommand) -> None:
        # Questions of what one may do change nothing.
        asks = command.group == "authorization.k8s.io"
        if command.verbs <= LOOKING or command.dry_run or asks or not command.resource:
            return
        pairs = [pair.partition("=") for value in ctx.options.namespaces for pair in value.split(",")]
        owners = {group for namespace, _, group in pairs if namespace == command.namespace}
        if not owners & command.session.user.groups:
            raise Refused(f"{command.namespace or 'what has no namespace'} is not your group's")


addons = [NamespacesOfGroups()]
