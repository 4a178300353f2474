"""What a program writes to, whichever way it has to say so."""

import re

from hoopaddon.commands import ShellProgram
from hoopaddon.hazards.paths import resolved
from hoopaddon.hazards.words import Words

_ALL = frozenset(
    {
        *("rm", "rmdir", "unlink", "shred", "srm", "truncate", "tee", "sponge", "touch", "mkdir", "chmod", "chown"),
        *(
            "chgrp",
            "chattr",
            "setfacl",
            "mknod",
            "mkfifo",
            "ed",
            "ex",
            "vi",
            "vim",
            "nvim",
            "nano",
            "emacs",
            "visudo",
        ),
    }
)
_LAST = frozenset({"cp", "install", "ln", "scp", "rsync", "rename", "link", "split", "csplit"})
_IN_PLACE = re.compile(r"-[a-zA-Z0-9]*i|--in-place")
_OUTPUT = re.compile(
    r"(?:--(?:output|output-document|outfile|out|directory|target-directory|directory-prefix|output-dir|log-file|prefix)=)(.+)"
)
_NEXT = {
    "curl": ("-o", "--output", "--output-dir", "-D", "--dump-header", "-c", "--cookie-jar", "--trace"),
    "wget": ("-O", "-o", "-P", "--output-document", "--output-file", "--directory-prefix", "-a"),
    "sort": ("-o",),
    "tar": ("-C", "--directory", "-f", "--file"),
    "bsdtar": ("-C", "-f"),
    "unzip": ("-d",),
    "gcc": ("-o",),
    "cc": ("-o",),
    "openssl": ("-out",),
    "find": ("-fprint", "-fprintf", "-fls", "-fprint0"),
    "git": ("--output",),
    "patch": ("-o", "-d"),
    "cp": ("-t", "--target-directory"),
    "mv": ("-t", "--target-directory"),
    "ln": ("-t", "--target-directory"),
    "install": ("-t", "--target-directory", "-d"),
    "7z": (),
}
_UNPACKERS = {"cpio", "pax"}


def written(program: ShellProgram) -> list[str]:
    """The paths that a program writes, makes, or takes away, resolved as far as they can be."""
    return [resolved(path, program.folder) for path in [*program.writes, *_by_words(program)] if path]


def _by_words(program: ShellProgram) -> list[str]:
    name = program.name
    words = Words(program)
    found = [match.group(1) for word in words.all if (match := _OUTPUT.match(word))]
    following = _NEXT.get(name, ())
    for word, value in zip(words.all, words.all[1:], strict=False):
        if word in following and not (
            name in ("tar", "bsdtar") and word in ("-f", "--file") and not words.has("cru")
        ):
            found.append(value)
    if name == "dd":
        return [*found, words.value("of=")]
    if name in _ALL:
        operands = words.operands
        skips = name in ("chmod", "chown", "chgrp") and not words.has("", "--reference")
        return found + (operands[1:] if skips else operands)
    if name == "mv":
        return found + words.operands
    if name in _LAST:
        return found + words.operands[-1:]
    if name in ("sed", "gsed", "perl", "ruby", "awk", "gawk") and any(
        _IN_PLACE.match(word) for word in words.options
    ):
        return found + words.operands
    attached = re.compile(r"-[oOCPdt](?=[/~])(.+)")
    return found + [match.group(1) for word in words.options if following and (match := attached.match(word))]
