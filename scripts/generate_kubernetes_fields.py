"""Write the numbers of the Kubernetes API's protobuf fields, from its sources, for the tests' double.

    python scripts/generate_kubernetes_fields.py STAGING/src/k8s.io >tests/kubernetes/double/api/protobuf_fields.txt

STAGING is that of a checkout of Kubernetes. One line a message: its name, then `name=NUMBER:TYPE` for each field.
TYPE is a letter for a scalar or a message's name, behind `*` for a list and `%` for a map of strings; a `!` behind it
says that JSON has the message's fields in the outer object, a `?` that zero differs from nothing.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_PACKAGES = (
    "api/core/v1",
    "api/apps/v1",
    "api/batch/v1",
    "api/batch/v1beta1",
    "api/rbac/v1",
    "api/coordination/v1",
    "api/autoscaling/v1",
    "api/networking/v1",
    "api/policy/v1beta1",
    "api/authentication/v1",
    "api/authorization/v1",
    "apimachinery/pkg/apis/meta/v1",
)
# What is newer than sources that are at hand may be.
_NEWER = {
    "authentication.v1.SelfSubjectReview": (
        "metadata=1:meta.v1.ObjectMeta status=2:authentication.v1.SelfSubjectReviewStatus"
    ),
    "authentication.v1.SelfSubjectReviewStatus": "userInfo=1:authentication.v1.UserInfo",
}
# What is the same in the version that is served by now.
_MOVED = {"batch/v1beta1": "batch/v1", "policy/v1beta1": "policy/v1"}
_SCALARS = {"string": "s", "bytes": "y", "bool": "b", "int32": "i", "int64": "i", "double": "d"}
_FIELD = re.compile(r"(?:optional |repeated )?(?:map<string, ([\w.]+)>|([\w.]+)) (\w+) = (\d+);")
# JSON has these in the outer object.
_INLINE = frozenset(
    {
        "ephemeralContainerCommon",
        "handler",
        "localObjectReference",
        "persistentVolumeSource",
        "probeHandler",
        "volumeSource",
    }
)


def main() -> None:
    """Print the table."""
    root = Path(sys.argv[1])
    lines = {**_NEWER, **{name: line for package in _PACKAGES for name, line in _messages(root, package)}}
    for name in sorted(lines):
        sys.stdout.write(f"{name} {lines[name]}".rstrip() + "\n")


def _messages(root: Path, package: str) -> Iterator[tuple[str, str]]:
    pointers = _pointers((root / package / "types.go").read_text())
    text = re.sub(r"//.*", "", (root / package / "generated.proto").read_text())
    for found in re.finditer(r"message (\w+) \{(.*?)\n\}", text, re.DOTALL):
        name, body = found.groups()
        yield f"{_short(package)}.{name}", " ".join(_fields(package, name, body, pointers))


def _fields(package: str, message: str, body: str, pointers: Mapping[tuple[str, str], bool]) -> Iterator[str]:
    for found in re.finditer(_FIELD, body):
        values, kind, name, number = found.groups()
        sign = "%" if values else "*" if found.group().startswith("repeated") else ""
        mark = "!" if name in _INLINE else "?" if pointers.get((message, name.lower())) else ""
        yield f"{name}={number}:{sign}{_type(values or kind, package)}{mark}"


def _type(name: str, package: str) -> str:
    if name in _SCALARS:
        return _SCALARS[name]
    if name.startswith("k8s.io."):
        *path, last = name.removeprefix("k8s.io.").split(".")
        return f"{_short('/'.join(path))}.{last}"
    return f"{_short(package)}.{name}"


def _short(package: str) -> str:
    for old, new in _MOVED.items():
        package = package.replace(old, new)
    return ".".join(package.split("/")[-2:])


def _pointers(go: str) -> dict[tuple[str, str], bool]:
    found = {}
    for struct, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", go, re.DOTALL | re.MULTILINE):
        for kind, name in re.findall(r'^\s+\w+\s+(\S+)\s+`json:"(\w+)', body, re.MULTILINE):
            found[struct, name.lower()] = kind.startswith("*")
    return found


if __name__ == "__main__":
    main()
