"""Which command lines of kubectl an agent may have run: none that names a file, a program or another way."""

import re
import subprocess

import pytest

from hoopaddon.adapters.mcp.serve.calls import Refusal
from hoopaddon.adapters.mcp.serve.kubectl_arguments import _COMMANDS, MOST_ARGUMENTS, kubectl
from tests.kubernetes.clients import kubectl_path


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("get pods", "get pods"),
        ("kubectl get pods", "get pods"),
        ("get pods -A", "get --all-namespaces=true pods"),
        ("get pods -n shop", "get --namespace=shop pods"),
        ("get pods -nshop", "get --namespace=shop pods"),
        ("get pods -n=shop", "get --namespace=shop pods"),
        ("get pods web --namespace shop", "get --namespace=shop pods web"),
        ("get -Al tier=web pods", "get --all-namespaces=true --selector=tier=web pods"),
        ("get pods -o jsonpath={.items[*].metadata.name}", "get --output=jsonpath={.items[*].metadata.name} pods"),
        ("get --raw /api/v1/namespaces", "get --raw=/api/v1/namespaces"),
        ("top pods", "top pod"),
        ("logs web -p --tail 5 -c main", "logs --previous=true --tail=5 --container=main web"),
        ("patch cm one -p {}", "patch --patch={} cm one"),
        ("rollout status deploy/web --watch=false", "rollout status --watch=false deploy/web"),
        ("apply -f - --dry-run server", "apply --filename=- --dry-run=server"),
        ("exec web -c main -- rm -rf --kubeconfig /x", "exec --container=main web -- rm -rf --kubeconfig /x"),
        ("exec -i web -- sh", "exec --stdin=true web -- sh"),
        ("annotate cm one note-", "annotate cm one note-"),
    ],
)
def test_it_is_written_in_one_way(given: str, written: str) -> None:
    command = kubectl(given.split(" "))
    assert " ".join(command.arguments) == written
    assert command.reads == ("--filename=-" in written or "--stdin=true" in written)


REFUSED = [
    # Files of the gateway's machine, to read and to write.
    "apply -f /etc/passwd",
    "apply -f=/etc/passwd",
    "apply -f/etc/passwd",
    "apply -f- -f /etc/passwd",
    "apply --filename /dev/stdin",
    "apply --filename=./x --filename=-",
    "apply -f http://169.254.169.254/latest",
    "apply -k .",
    "apply --kustomize=.",
    "apply -R -f -",
    "get pods -o go-template-file=/etc/passwd",
    "get pods -o=jsonpath-file=/etc/passwd",
    "get pods -ojsonpath-file=/etc/passwd",
    "get pods -o custom-columns-file=/etc/passwd",
    "get pods -o templatefile=/etc/passwd",
    "get pods -o go-template={{.}}",
    "get pods -o jsonpath --template /etc/passwd",
    "get pods --template=/etc/passwd",
    "patch cm one --patch-file /etc/passwd",
    "patch cm one --patch-file=/etc/passwd",
    "create configmap one --from-file=/etc/passwd",
    "create secret generic one --from-env-file=/etc/passwd",
    "create -f - configmap",
    "set env deploy/web -",
    "cp web:/etc/passwd /tmp/x",
    "cp /etc/passwd web:/tmp/x",
    "get pods --profile=cpu --profile-output=/tmp/x",
    "get pods --cache-dir=/tmp",
    "get pods --log-file=/tmp/x",
    "cluster-info dump --output-directory=/tmp",
    "cluster-info dump",
    "apply edit-last-applied cm/one",
    "apply view-last-applied cm/one",
    "auth reconcile -f -",
    # Another way than the gateway, and another name than the agent's.
    "--kubeconfig=/srv/kube/config get pods",
    "get pods --kubeconfig /srv/kube/config",
    "get pods --kubeconfig=/srv/kube/config",
    "get pods --server=https://10.0.0.1:6443",
    "get pods -s https://10.0.0.1:6443",
    "get pods -shttps://10.0.0.1:6443",
    "get pods --token=x",
    "get pods --context=prod",
    "get pods --cluster=prod",
    "get pods --user=root",
    "get pods --as=system:admin",
    "get pods --as-group=system:masters",
    "get pods --username=a --password=b",
    "get pods --certificate-authority=/x",
    "get pods --client-certificate=/x --client-key=/x",
    "get pods --insecure-skip-tls-verify",
    "get pods --insecure-skip-tls-verify=true",
    "get pods --tls-server-name=x",
    "get pods --proxy-url=http://10.0.0.1",
    "get pods --kuberc=/tmp/x",
    "get --raw https://10.0.0.1/",
    "get --raw //10.0.0.1/",
    "get --raw /",
    "logs web --insecure-skip-tls-verify-backend",
    # What would say more than the answer.
    "get pods -v=9",
    "get pods -v 9",
    "get pods --v=9",
    "get pods --vmodule=*=9",
    "config view --raw",
    # Programs, ports, terminals, and what never ends.
    "edit cm one",
    "create --edit -f -",
    "debug web",
    "attach web",
    "run x --image=x -it",
    "exec -it web -- sh",
    "exec -ti web -- sh",
    "exec web --tty -- sh",
    "exec web sh",
    "exec web --",
    "exec -- sh",
    "exec web other -- sh",
    "port-forward web 80",
    "proxy",
    "plugin list",
    "hello",
    "krew install x",
    "diff -f -",
    "kustomize .",
    "completion bash",
    "alpha events",
    "get pods -w",
    "get pods --watch",
    "get pods --watch-only",
    "logs -f web",
    "logs web --follow",
    "delete cm one -i",
    # Spellings.
    "",
    "kubectl",
    "kubectl kubectl get pods",
    "get -- pods",
    "get pods --",
    "get pods -",
    "get  pods",
    "get pods --=x",
    "get pods -=x",
    "get pods --Namespace=x",
    "get pods --name=x",
    "get pods --namespace",
    "get pods -n",
    "get pods --all-namespaces=no",
    "get pods --no-headers=/etc/passwd",
    "rollout",
    "rollout nothing",
    "set",
    "auth",
    "apply one -f -",
    "GET pods",
    "get pods \u2013o yaml -x",
]


@pytest.mark.parametrize("given", REFUSED)
def test_what_is_not_listed_is_refused(given: str) -> None:
    with pytest.raises(Refusal):
        kubectl(given.split(" "))


@pytest.mark.parametrize(
    "given",
    [
        ["get", "pods\0"],
        ["get", "\ud800"],
        ["get", *["x"] * MOST_ARGUMENTS],
        ["get", "x" * (1 << 17)],
        ["rollout status", "deploy/web"],
        ["get pods"],
    ],
)
def test_what_is_no_word_is_refused(given: list[str]) -> None:
    with pytest.raises(Refusal):
        kubectl(given)


def test_kubectl_knows_each_flag_that_is_listed() -> None:
    """And takes a value where it is listed with one: else the next word would be read in two ways."""
    for command, form in _COMMANDS.items():
        help_ = subprocess.run(
            [str(kubectl_path()), *command.split(), "--help"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
        flags = dict(re.findall(r"--([a-z-]+)=(.*):$", help_, re.MULTILINE))
        flags["namespace"] = "''"
        for name, takes_value in form.known().items():
            assert name in flags, (command, name)
            assert takes_value == (flags[name] not in ("true", "false")), (command, name)


def test_no_listed_command_has_others_below_it_where_names_are_taken() -> None:
    for command, form in _COMMANDS.items():
        help_ = subprocess.run(
            [str(kubectl_path()), *command.split(), "--help"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
        assert "Available Commands:" not in help_ or not form.names, command
