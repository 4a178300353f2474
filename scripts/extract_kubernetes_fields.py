"""Write the numbers of the Kubernetes API's protobuf fields, from the types that a kubectl was built with.

    python scripts/extract_kubernetes_fields.py build/kubernetes/kubectl >adapters/kubernetes/body/protobuf_fields.txt

kubectl is linked with all kinds of the API, and what Go keeps of a type for reflection has its fields' tags: the
number on the wire, and the name in JSON. No package of the registries carries the sources of a current version.
Only programs for Linux on x86-64 are read. The lines have the form of `generate_kubernetes_fields.py`.
"""

import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PACKAGES = re.compile(
    r"k8s\.io/(api/.+|apimachinery/pkg/apis/meta/v1|apiextensions-apiserver/.+/v1(beta1)?|kube-aggregator/.+/v1(beta1)?)"
)
# The reader knows the forms of these.
_KNOWN = frozenset(
    {
        *("meta.v1.Time", "meta.v1.MicroTime", "meta.v1.FieldsV1", "meta.v1.Verbs", "api.resource.Quantity"),
        *("authentication.v1.ExtraValue", "authorization.v1.ExtraValue"),
        *("util.intstr.IntOrString", "pkg.runtime.RawExtension", "meta.v1.Duration"),
    }
)
# What older clients still send.
_OLDER = {
    "core.v1.EphemeralVolumeSource": "readOnly=2:b",
    "core.v1.ServiceSpec": "topologyKeys=16:*s",
    "meta.v1.ObjectMeta": "clusterName=15:s",
}
_BOOL, _INTEGERS, _FLOATS = 1, range(2, 12), (13, 14)
_MAP, _POINTER, _SLICE, _STRING, _STRUCT = 21, 22, 23, 24, 25
_BYTE = 8
_NAMED, _EXTRA_STAR, _UNCOMMON = 4, 2, 1
_TYPE = struct.Struct("<QQIBBBBQQii")


@dataclass(frozen=True, slots=True)
class _GoType:
    """Go's `abi.Type`, and where it is."""

    at: int
    flags: int
    kind: int
    name: str
    package: str

    @property
    def message(self) -> str:
        """`core.v1.Pod`"""
        return f"{'.'.join(self.package.split('/')[-2:])}.{self.name.rpartition('.')[2]}"


class _Program:
    """What is in the sections of a program, by its address there."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        table, count, names = (*struct.unpack_from("<Q", self._data, 40), *struct.unpack_from("<HH", self._data, 60))
        rows = [struct.unpack_from("<IIQQQQ", self._data, table + 64 * n) for n in range(count)]
        text = rows[names][4]
        self._sections = {self._text(text + row[0]): row[3:6] for row in rows}
        self._types = self._sections[".rodata"][0]
        self.type = cache(self._type)

    def _text(self, offset: int) -> str:
        return self._data[offset : self._data.index(b"\0", offset)].decode()

    def _offset(self, address: int) -> int:
        for start, offset, size in self._sections.values():
            if start and start <= address < start + size:
                return int(address - start + offset)
        raise ValueError(f"{address:#x} is nowhere")

    def words(self, address: int, count: int = 1) -> tuple[int, ...]:
        """Words of eight bytes."""
        return struct.unpack_from(f"<{count}Q", self._data, self._offset(address))

    def name(self, address: int) -> tuple[str, str]:
        """A name, and its tag."""
        at = self._offset(address)
        tagged = self._data[at] & 2
        name, at = self._sized(at + 1)
        return name, self._sized(at)[0] if tagged else ""

    def _sized(self, at: int) -> tuple[str, int]:
        size = shift = 0
        while True:
            byte = self._data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return self._data[at : at + size].decode(), at + size

    def _type(self, at: int) -> _GoType:
        *_, flags, _, _, kind, _, _, name, _ = _TYPE.unpack_from(self._data, self._offset(at))
        kind &= 31
        text = self.name(self._types + name)[0][1 if flags & _EXTRA_STAR else 0 :]
        package = ""
        if flags & _UNCOMMON and kind in (_STRUCT, _SLICE):
            (path,) = struct.unpack_from("<i", self._data, self._offset(at + (80 if kind == _STRUCT else 56)))
            package = self.name(self._types + path)[0] if path else ""
        return _GoType(at, flags, kind, text, package)

    def structs(self) -> Iterator[_GoType]:
        """What pointers in the program's list of types point at."""
        _, offset, size = self._sections[".typelink"]
        for link in struct.unpack_from(f"<{size // 4}i", self._data, offset):
            if (pointer := self.type(self._types + link)).kind == _POINTER:
                found = self.type(*self.words(pointer.at + 48))
                if found.kind == _STRUCT and found.flags & _NAMED:
                    yield found

    def fields(self, of: _GoType) -> Iterator[tuple[str, _GoType]]:
        """The tags and types of a struct's fields."""
        first, count = self.words(of.at + 56, 2)
        for n in range(count):
            name, kind = self.words(first + 24 * n, 2)
            yield self.name(name)[1], self.type(kind)

    def inner(self, of: _GoType, word: int = 0) -> _GoType:
        """What it is of: a slice's or pointer's element, a map's key and then element."""
        return self.type(*self.words(of.at + 48 + 8 * word))


def _line(program: _Program, of: _GoType) -> Iterator[str]:
    for tag, kind in program.fields(of):
        wire = re.search(r'protobuf:"\w+,(\d+)', tag)
        if wire is None:
            continue
        json_name = re.search(r'json:"([^",]*)', tag)
        name = json_name[1] if json_name else ""
        pointer = kind.kind == _POINTER
        said = _of(program, program.inner(kind) if pointer else kind)
        # JSON has what is inline in the outer object.
        yield f"{name or 'inline'}={wire[1]}:{said}{'?' if pointer and name else '' if name else '!'}"


def _of(program: _Program, kind: _GoType) -> str:
    if kind.package and kind.message in _KNOWN:
        return kind.message
    if kind.kind == _SLICE:
        element = program.inner(kind)
        return "y" if element.kind == _BYTE else f"*{_of(program, _pointed(program, element))}"
    if kind.kind == _MAP:
        return f"%{_of(program, program.inner(kind, 1))}"
    if kind.kind == _STRUCT:
        return kind.message
    scalar = {_STRING: "s", _BOOL: "b"}.get(kind.kind)
    if scalar is None:
        scalar = "i" if kind.kind in _INTEGERS else "d" if kind.kind in _FLOATS else ""
    if not scalar:
        raise SystemExit(f"{kind} has no form here")
    return scalar


def _pointed(program: _Program, kind: _GoType) -> _GoType:
    return program.inner(kind) if kind.kind == _POINTER else kind


def main() -> None:
    """Print the table."""
    program = _Program(Path(sys.argv[1]))
    lines: dict[str, str] = {}
    for found in program.structs():
        if not _PACKAGES.fullmatch(found.package) or found.message in _KNOWN:
            continue
        lines[found.message] = " ".join((*_line(program, found), _OLDER.get(found.message, "")))
    # One that is only in others, and has nothing in it, no pointer is to be found to.
    named = {kind.strip("*%!?") for line in lines.values() for kind in re.findall(r":(\S+)", line)}
    empty = {name: "" for name in named if "." in name and name not in _KNOWN}
    for name, line in sorted({**empty, **lines}.items()):
        sys.stdout.write(f"{name} {line}".rstrip() + "\n")


if __name__ == "__main__":
    main()
