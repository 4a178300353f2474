"""How kubectl, and whatever else reads a kubeconfig, reaches a cluster through the gateway."""

from collections.abc import Mapping

from hoopaddon.clients import Client, PrivateFolder, Way
from hoopaddon.kubeconfig import exec_credential, kubeconfig_text
from hoopaddon.web.clients import takes_token, url


class KubeClients:
    """See the module."""

    programs = ("kubectl", "helm", "k9s", "kustomize")

    def takes_token(self, address: str, settings: Mapping[str, str]) -> bool:
        # A context of the operator's kubeconfig brings what proves the gateway.
        return "://" not in address or takes_token(settings)

    def string(self, way: Way) -> str:
        return url(way, way.settings.get("host", ""))

    def client(self, way: Way, folder: PrivateFolder) -> Client:
        authority = way.authority.read_bytes() if way.authority is not None else b""
        plugin: tuple[str, ...] = ()
        if way.token:
            plugin = ("cat", str(folder.write("credential.json", exec_credential(way.token, way.expires_at))))
        text = kubeconfig_text(
            url(way, way.settings.get("host", "")), plugin, authority=authority, context=way.target
        )
        return Client(("kubectl", "version"), {"KUBECONFIG": str(folder.write("kubeconfig", text))})
