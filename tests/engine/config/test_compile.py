"""What a file says, as the modes, scripts and options that the command line would have."""

from pathlib import Path

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.adapter import adapters
from hoopaddon.config.draft import Draft
from hoopaddon.config.sections import read_text
from hoopaddon.config.targets import protocols

WHOLE = """
targets:
  orders:
    protocol: postgres
    address: db.internal:5433
    listen: 15432
    user: gateway
    password: file:pg.secret
    sslmode: verify-full
    sslrootcert: ca & co.pem
    labels: {env: prod, "owner|team": "a=b&c@d +1"}
    allow: [replication]
  web-1:
    protocol: ssh
    address: 10.0.0.5
    user: root
    key: ~/.ssh/id
    passphrase: env:PASS
    fingerprint: SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDE+/
    listen: "[::1]:2222"
  api:
    protocol: http
    address: https://api.internal:8443/v1
    path: /api
    header: x-api-key:file:api.key
    listen: 127.0.0.1:8081
  bills:
    protocol: http
    address: https://bills.internal
    path: /bills
    listen: 127.0.0.1:8081
  cluster:
    protocol: kubernetes
    address: admin@prod
"""


def read(text: str, folder: Path) -> Draft:
    draft = read_text(text, folder / "hoopaddon.yaml")
    assert draft.problems == []
    return draft


def test_every_key_arrives_as_it_was_written(tmp_path: Path) -> None:
    draft = read(WHOLE, tmp_path)
    modes = {mode.type_name: mode for mode in map(ProxyMode.parse, draft.modes)}
    assert list(modes) == ["postgres", "ssh", "http", "kubernetes"]
    (orders,) = modes["postgres"].targets  # type: ignore[attr-defined]
    assert (orders.name, orders.address) == ("orders", "db.internal:5433")
    assert dict(orders.settings) == {
        "name": "orders",
        "user": "gateway",
        "password": f"file:{tmp_path}/pg.secret",
        "sslmode": "verify-full",
        "sslrootcert": f"{tmp_path}/ca & co.pem",
    }
    assert dict(orders.labels) == {"env": "prod", "owner|team": "a=b&c@d +1"}
    assert orders.allowed == {"replication"}
    assert (modes["ssh"].custom_listen_host, modes["ssh"].custom_listen_port) == ("::1", 2222)
    (web,) = modes["ssh"].targets  # type: ignore[attr-defined]
    assert web.target.settings["key"] == "~/.ssh/id"
    assert web.target.settings["fingerprint"].endswith("ABCDE+/")
    api, bills = modes["http"].targets  # type: ignore[attr-defined]
    assert (api.name, api.address, api.settings["path"]) == ("api", "https://api.internal:8443/v1", "/api")
    assert api.settings["header"] == f"x-api-key:file:{tmp_path}/api.key"
    assert bills.name == "bills"
    assert modes["kubernetes"].custom_listen_port == 6443
    assert modes["kubernetes"].targets[0].context == "admin@prod"  # type: ignore[attr-defined]


def test_names_of_files_are_seen_from_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text("")
    text = "targets: {a: {protocol: ssh, address: h, user: u, key: id}}\naddons: [own.py, record.py]\n"
    away = read(text, tmp_path)
    assert f"key={tmp_path}/id" in away.modes[0]
    assert away.scripts[0] == str(tmp_path / "own.py")
    assert away.scripts[1].endswith("/record.py")
    monkeypatch.chdir(tmp_path)
    assert "key=id" in read(text, tmp_path).modes[0]


def test_addons_have_options_and_a_shadow(tmp_path: Path) -> None:
    draft = read(
        "addons:\n"
        "  - record.py\n"
        "  - mask_pii.py: {mask_columns: [name], shadow: false}\n"
        "  - block_destructive.py: {shadow: true}\n",
        tmp_path,
    )
    assert [Path(script).name for script in draft.scripts] == ["record.py", "mask_pii.py"]
    assert [Path(script).name for script in draft.shadow] == ["block_destructive.py"]
    assert list(draft.options) == ["mask_columns"]


def test_an_anchor_serves_several_values(tmp_path: Path) -> None:
    text = "targets:\n  a: {protocol: postgres, address: a, labels: &l {env: prod}}\n"
    draft = read(text + "  b: {protocol: postgres, address: b, labels: *l}\n", tmp_path)
    assert draft.modes == ["postgres:a?name=a&label=env:prod|b?name=b&label=env:prod@15432"]


def test_every_adapter_with_modes_says_its_keys() -> None:
    assert protocols().keys() == adapters().keys()
    for name, adapter in protocols().items():
        assert adapter.mode.type_name == name
        for key, setting in adapter.form.keys.items():
            assert setting.help.endswith("."), (name, key)
