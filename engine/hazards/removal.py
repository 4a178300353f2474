"""Programs that take files away, and disks, and rights."""

import re

from hoopaddon.commands import ShellProgram
from hoopaddon.hazards.paths import COMPUTED, is_broad, is_device, is_system
from hoopaddon.hazards.words import Words, listed
from hoopaddon.hazards.writing import written

_NARROWING = re.compile(
    r"-(?:i?name|i?path|i?wholename|i?regex|mtime|mmin|ctime|cmin|atime|amin|newer\w*|size|empty|inum|user|group|perm)$"
)
_DISK_TOOLS = {
    "wipefs": "-a",
    "blkdiscard": "",
    "sgdisk": "",
    "sfdisk": "",
    "cfdisk": "",
    "gdisk": "",
    "shred": "",
    "srm": "",
    "mkswap": "",
    "pvremove": "",
    "vgremove": "",
    "lvremove": "",
    "pvcreate": "",
    "mke2fs": "",
    "mkdosfs": "",
    "mkntfs": "",
    "newfs": "",
    "format": "",
    "scrub": "",
    "nwipe": "",
    "sdparm": "",
    "flashcp": "",
    "flash_erase": "",
    "ddrescue": "",
    "dcfldd": "",
    "dc3dd": "",
}


def removes(program: ShellProgram) -> str:
    """Recursive removal of what is broad or not known, by rm, find, rsync and git."""
    match program.name:
        case "rm" | "grm":
            return _rm(program)
        case "find" | "gfind":
            return _find(program)
        case "rsync" if Words(program).has("", "--delete", "--delete-before", "--delete-after", "--delete-excluded"):
            broad = [path for path in Words(program).paths[-1:] if is_broad(path)]
            return f"rsync --delete into {listed(broad)} is refused: name a folder of your own" if broad else ""
        case "mv":
            paths = Words(program, "tS").paths
            lost = [path for path in paths[:-1] if is_broad(path)]
            gone = paths[-1:] == ["/dev/null"]
            return f"mv of {listed(lost or paths)} is refused: it takes too much away" if lost or gone else ""
        case "trash" | "trash-put":
            broad = [path for path in Words(program).paths if is_broad(path)]
            return f"{program.name} of {listed(broad)} is refused" if broad else ""
    return ""


def _rm(program: ShellProgram) -> str:
    words = Words(program)
    if words.has("", "--help", "--version"):
        return ""
    recursive = words.has("rR", "--recursive")
    if words.has("", "--no-preserve-root"):
        return "rm --no-preserve-root is refused"
    if any(word is None for word in program.words) and (recursive or program.fed_by):
        return "rm of files that are computed when it runs is refused: write their names out"
    if not recursive:
        broad = [path for path in words.paths if path in ("/*", "~/*", "/")]
        return f"rm of {listed(broad)} is refused: name the files" if broad else ""
    if not words.operands:
        return "rm -r that is given its files later is refused: name them"
    computed = [path for path in words.paths if COMPUTED in path]
    if computed:
        return f"rm -r of {listed(computed)} is refused: a part of it is computed when it runs, so write it out"
    broad = [path for path in words.paths if is_broad(path)]
    return f"rm -r of {listed(broad)} is refused: it takes too much away, so name a folder below" if broad else ""


def _find(program: ShellProgram) -> str:
    words = [COMPUTED if word is None else word for word in program.words]
    if "-delete" not in words:
        return ""
    starts: list[str] = []
    for word in words:
        if word.startswith(("-", "(", "!")) and word not in ("-H", "-L", "-P"):
            break
        starts.append(word)
    starts = [word for word in starts if not word.startswith("-")] or ["."]
    narrow = any(_NARROWING.fullmatch(word) for word in words) and "-o" not in words
    here = (".", "*") if narrow else ()
    resolved = Words(program)
    resolved.operands = starts
    broad = [path for path in resolved.paths if is_broad(path) and path not in here]
    return f"find -delete below {listed(broad)} is refused: name a folder below, and which files" if broad else ""


def wipes(program: ShellProgram) -> str:
    """Programs that make, change or empty file systems, and whatever writes to a device."""
    name, words = program.name, Words(program)
    if words.words("--help", "--version", "-V"):
        return ""
    reason = f"{name} is refused: it destroys what is on a disk"
    if name == "dd" and (target := words.value("of=")) and COMPUTED in target:
        return "dd to a place that is computed when it runs is refused: write it out"
    devices = [path for path in written(program) if is_device(path)]
    if devices:
        return f"{name if name != ':' else '>'} that writes to {listed(devices)} is refused: it is a device"
    if name == "mkfs" or name.startswith(("mkfs.", "newfs_")):
        return reason
    if name in ("fdisk", "parted", "partprobe"):
        return "" if words.has("l", "--list") or words.words("print") or not words.operands else reason
    if name == "wipefs":
        return reason if words.has("ao", "--all", "--offset") else ""
    if name in _DISK_TOOLS:
        lists = name in ("sfdisk", "sgdisk", "gdisk") and words.has("ldp", "--list", "--dump", "--print", "--json")
        return "" if lists and not words.has("zoZ", "--zap", "--zap-all", "--delete") else reason
    risky = {
        "cryptsetup": ("luksFormat", "erase", "luksErase", "luksKillSlot", "reencrypt"),
        "mdadm": ("--zero-superblock", "--stop", "-S", "--fail", "--remove", "--create", "-C"),
        "hdparm": ("--security-erase", "--security-erase-enhanced", "--write-sector", "--trim-sector-ranges"),
        "nvme": ("format", "sanitize", "delete-ns", "write-zeroes"),
        "badblocks": ("-w",),
        "zpool": ("destroy", "labelclear", "offline"),
        "zfs": ("destroy", "rollback"),
        "btrfs": ("delete", "remove"),
        "dmsetup": ("remove", "remove_all", "wipe_table"),
        "lvm": ("lvremove", "vgremove", "pvremove"),
        "tune2fs": ("-U", "-O"),
        "xfs_db": ("-x",),
        "debugfs": ("-w",),
        "diskutil": ("eraseDisk", "eraseVolume", "partitionDisk", "secureErase", "zeroDisk"),
    }.get(name, ())
    return reason if words.words(*risky) else ""


_OPEN = re.compile(r"[0-7]?[0-7]?[0-7][2367]|[^,]*[oa]\+[rxX]*w.*|[+=][rxX]*w.*|(?:a|ugo|o)=[rxX]*w.*")
_SPECIAL = re.compile(r"[2-7][0-7]{3}|[ugoa]*[+=][rwxXt]*s.*|(?:.*,)?[ugoa]*[+=][rwxXt]*s.*")


def changes_rights(program: ShellProgram) -> str:
    """Rights and owners of much at once, or that give away what should not be."""
    name, words = program.name, Words(program)
    if name not in ("chmod", "chown", "chgrp", "setfacl", "chattr", "setcap"):
        return ""
    recursive = words.has("R", "--recursive")
    mode = words.operands[0] if words.operands else ""
    paths = words.paths if words.has("", "--reference") or name in ("setfacl",) else words.paths[1:]
    broad = [path for path in paths if is_broad(path)]
    if name == "chmod" and mode.startswith("…"):
        return "chmod with a mode that is computed when it runs is refused"
    if name == "chmod" and _SPECIAL.fullmatch(mode):
        return "chmod that sets the owner's or the group's rights on a program is refused"
    if recursive and broad:
        return f"{name} -R of {listed(broad)} is refused: it changes too much, so name a folder below"
    if recursive and name == "chmod" and _OPEN.fullmatch(mode):
        return "chmod -R that lets everybody write is refused"
    if name == "setcap" or (name == "chattr" and any(is_system(path) for path in words.paths)):
        return f"{name} is refused: it changes what the system lets programs do"
    return ""
