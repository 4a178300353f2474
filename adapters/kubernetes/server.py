"""A listener for clients of the Kubernetes API."""

import hashlib
from pathlib import Path
from types import MappingProxyType

from hoopaddon.adapters.kubernetes.credential import credential_of
from hoopaddon.adapters.kubernetes.kubeconfig import Context, Pem, load_context
from hoopaddon.adapters.kubernetes.masked import masked_fields
from hoopaddon.adapters.kubernetes.mode import FORM, KubernetesMode
from hoopaddon.adapters.kubernetes.protocol import PROTOCOL
from hoopaddon.web.credentials import Credential
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.server import WebInstance


class KubeInstance(WebInstance[KubernetesMode]):
    """Serves one `kubernetes` mode."""

    _read: tuple[WebTarget, Credential | None] | None = None

    @property
    def targets(self) -> tuple[WebTarget, ...]:
        """The one target; a context of the kubeconfig is read now. Raises `ConfigError`."""
        return (self._target_read()[0],)

    def _target_read(self) -> tuple[WebTarget, Credential | None]:
        if self._read is None:
            if self.mode.target is not None:
                self._read = self.mode.target, None
            else:
                context = load_context(self.mode.context, self.mode.settings.get("kubeconfig", ""))
                self._read = self._of_context(context), credential_of(context)
        return self._read

    def _of_context(self, context: Context) -> WebTarget:
        settings = dict(self.mode.settings)
        settings.setdefault("name", context.name)
        for key, pem in (("ca", context.ca), ("certificate", context.certificate), ("key", context.key)):
            if pem:
                settings[key] = self._file_of(pem)
        server = FORM.read(context.server)
        return WebTarget(
            server.scheme,
            server.host,
            server.port,
            server.path,
            MappingProxyType(settings),
            self.mode.labels,
            self.mode.allowed,
        )

    def _file_of(self, pem: Pem) -> str:
        """A file for what reads its keys from files only."""
        if not pem.data:
            return pem.file
        name = hashlib.sha256(pem.data).hexdigest()[:16]
        path = self._folder() / f"{name}.pem"
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_bytes(pem.data)
        partial.replace(path)
        return str(path)

    def _folder(self) -> Path:
        folder = Path(self.gateway.confdir) / "kubernetes"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    async def _start(self) -> None:
        self._read = None
        for target in self.targets:
            name = hashlib.sha256(target.address.encode()).hexdigest()[:16]
            masked_fields(target.address).keep_in(self._folder() / f"{name}.masked")
        await super()._start()
        for target in self.targets:
            PROTOCOL.allow_impersonation(target.name, target.address, "impersonate" in target.allowed)

    def _credential(self, target: WebTarget) -> Credential | None:
        return self._target_read()[1] or super()._credential(target)
