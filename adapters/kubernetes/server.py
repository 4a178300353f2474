"""A listener for clients of the Kubernetes API."""

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import Self

from hoopaddon.adapters.kubernetes.credential import credential_of
from hoopaddon.adapters.kubernetes.kubeconfig import Context, Pem, load_context
from hoopaddon.adapters.kubernetes.masked import masked_fields
from hoopaddon.adapters.kubernetes.mode import FORM, KubernetesMode, KubeTarget
from hoopaddon.adapters.kubernetes.protocol import PROTOCOL
from hoopaddon.web.credentials import Credential
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.server import WebInstance


class KubeInstance(WebInstance[KubernetesMode]):
    """Serves one `kubernetes` mode."""

    _read: tuple[tuple[WebTarget, Credential | None], ...] = ()

    @property
    def targets(self) -> tuple[WebTarget, ...]:
        """The targets; contexts of the kubeconfig as they were read."""
        return tuple(target for target, _ in self._read)

    def _read_target(self, named: KubeTarget) -> tuple[WebTarget, Credential | None]:
        """A context of the kubeconfig is read now. Raises `ConfigError`."""
        if named.target is not None:
            return named.target, None
        context = load_context(named.context, named.settings.get("kubeconfig", ""))
        return self._of_context(named, context), credential_of(context)

    def _of_context(self, named: KubeTarget, context: Context) -> WebTarget:
        settings = dict(named.settings)
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
            named.labels,
            named.allowed,
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

    def make_ready(self) -> None:
        """Read the contexts of the kubeconfig as well."""
        before = self._read
        try:
            self._read = tuple(map(self._read_target, self.mode.targets))
            for target in self.targets:
                name = hashlib.sha256(target.address.encode()).hexdigest()[:16]
                masked_fields(target.address).keep_in(self._folder() / f"{name}.masked")
            super().make_ready()
        except BaseException:
            self._read = before
            raise

    def take_from(self, twin: Self) -> None:
        super().take_from(twin)
        self._read = twin._read

    def put_in_force(self, before: KubernetesMode) -> None:
        super().put_in_force(before)
        for target in self.targets:
            PROTOCOL.allow_impersonation(target.name, target.address, "impersonate" in target.allowed)

    def _credential(self, target: WebTarget) -> Credential | None:
        own = next((credential for one, credential in self._read if one is target), None)
        return own or super()._credential(target)
