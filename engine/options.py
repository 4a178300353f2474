"""The gateway's options: mitmproxy's, with the defaults of a gateway, and those that every adapter reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mitmproxy import exceptions, options

from hoopaddon.identity.oidc.settings import EXPIRY_HELP, OPTIONS
from hoopaddon.login.settings import OPTIONS as LOGIN_OPTIONS
from hoopaddon.store.layout import STORE_HELP

DEFAULT_CONFDIR = "~/.hoopaddon"
LOOPBACK = "127.0.0.1"


class Options(options.Options):
    """Every option by name; an option that is assigned tells the addons."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self._change_defaults()
        self._add_limits()
        self._add_tls()
        self._add_identity()
        self._add_credentials()
        self.update(**values)

    def _change_defaults(self) -> None:
        self.add_option("confdir", str, DEFAULT_CONFDIR, "Folder of the configuration, the keys and the store.")
        self.add_option(
            "listen_host",
            str,
            LOOPBACK,
            "Address to listen at, unless the mode names one. Only this machine can connect to the default.",
        )
        self.add_option(
            "mode",
            Sequence[str],
            [],
            "What to stand in front of, as PROTOCOL:TARGET@[HOST:]PORT; postgres:db.internal:5432@15432 for example.",
        )
        self.add_option(
            "rawtcp",
            bool,
            False,
            "Let through what HTTP is upgraded to, or a proxy's tunnel holds, though no HTTP hook sees into it.",
        )

    def _add_limits(self) -> None:
        self.add_option("store", str, "", STORE_HELP)
        self.add_option("roles", str, "", "File of roles: who may do what, where. With one, all else is refused.")
        self.add_option("policy_timeout", str, "5", "Seconds that one hook of a policy may take.")
        self.add_option("shutdown_timeout", int, 10, "Seconds that commands in flight get to finish at shutdown.")
        self.add_option("connect_timeout", int, 10, "Seconds to wait for a target to accept a connection.")
        self.add_option("login_timeout", int, 30, "Seconds that a client has to log in.")
        self.add_option(
            "login_failures",
            int,
            10,
            "Wrong passwords and tokens from one address, or for one user, after which logins have to wait; 0: any.",
        )
        self.add_option("login_failures_window", int, 300, "Seconds in which so many may fail.")
        self.add_option("idle_timeout", int, 0, "Seconds without a command after which a session ends; 0 is never.")
        self.add_option(
            "forward_allow",
            Sequence[str],
            [],
            "Hosts and networks that a forward proxy may lead to although they are not on the outside.",
        )
        self.add_option(
            "forward_login",
            str,
            "",
            "`token`: clients of a forward proxy prove who they are, by a token as the proxy's password.",
            choices=("", "token"),
        )
        self.add_option("max_connections", int, 1000, "Clients that one mode serves at the same time.")

    def _add_tls(self) -> None:
        self.add_option(
            "tls_certificate",
            str,
            "",
            "PEM file that clients are shown; made and kept in confdir where none is named.",
        )
        self.add_option("tls_key", str, "", "PEM file of its private key, where that is another file.")

    def _add_identity(self) -> None:
        for name, (kind, default, about) in OPTIONS.items():
            self.add_option(f"oidc_{name}", kind, default, about)
        self.add_option("token_expiry_ends_sessions", bool, True, EXPIRY_HELP)
        for name, (kind, default, about) in LOGIN_OPTIONS.items():
            self.add_option(name, kind, default, about)

    def _add_credentials(self) -> None:
        self.add_option(
            "credential_ttl",
            int,
            300,
            "Seconds for which a target's credential is kept once it has been fetched; 0: never. Of leases, and what "
            "ends sooner, less.",
        )
        self.add_option("credential_timeout", int, 10, "Seconds that fetching a target's credential may take.")
        self.add_option(
            "sealing_key",
            str,
            "",
            "Reference to the key of sealed: credentials, env:NAME for example. Empty: `sealing.key` in confdir.",
        )
        self.add_option(
            "credential_exec_env",
            Sequence[str],
            [],
            "Environment variables that programs of exec: credentials see, beside PATH, HOME and their like.",
        )

    def update(self, **values: Any) -> None:
        """Set several options at once. Raises OptionsError, and then sets none."""
        super().update(**values)  # type: ignore[no-untyped-call]

    def _parse_setval(self, o: Any, values: list[str]) -> Any:
        # mitmproxy takes an option that is a float, and then no value for it from the command line.
        if o.typespec is not float:
            return super()._parse_setval(o, values)
        try:
            (text,) = values
            return float(text)
        except ValueError:
            raise exceptions.OptionsError(f"Failed to parse option {o.name}: not a number") from None

    def keys(self) -> set[str]:
        """The names of all options."""
        return set(self._options)

    @property
    def confdir_path(self) -> Path:
        return Path(self.confdir).expanduser()


NOT_NEGATIVE = ("shutdown_timeout", "connect_timeout", "login_timeout", "idle_timeout", "credential_ttl")


class Limits:
    """The addon that checks the limits, so that a wrong one is an error when it is set."""

    def __init__(self, checked: Options) -> None:
        self._options = checked
        self.policy_timeout_s = 5.0

    def configure(self, updated: set[str]) -> None:
        if "policy_timeout" in updated:
            self.policy_timeout_s = _seconds("policy_timeout", self._options.policy_timeout)
        for name in NOT_NEGATIVE:
            if name in updated and getattr(self._options, name) < 0:
                raise exceptions.OptionsError(f"{name}: a number of seconds cannot be below 0")
        if "login_failures" in updated and self._options.login_failures < 0:
            raise exceptions.OptionsError("login_failures: a number of logins cannot be below 0")
        if "login_failures_window" in updated and self._options.login_failures_window < 1:
            raise exceptions.OptionsError("login_failures_window: has to be 1 or more")
        if "credential_timeout" in updated and self._options.credential_timeout < 1:
            raise exceptions.OptionsError("credential_timeout: has to be 1 or more")
        if "max_connections" in updated and self._options.max_connections < 1:
            raise exceptions.OptionsError("max_connections: has to be 1 or more")


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # Comparisons with nan are false; infinity is no limit at all.
    if not 0 < seconds < float("inf"):
        raise exceptions.OptionsError(f"{name}: {text!r} is not a number of seconds above 0")
    return seconds
