"""Programs with rules of their own for what they run: find, xargs, ssh, su, parallel, git, tar and their like."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from hoopaddon.shell.interpreters import run_input
from hoopaddon.shell.options import Wrapper, inner
from hoopaddon.shell.program import HOLE, Around, Call, Field, Input, Reader, Scope

_SSH_VALUES = "BbcDEeFIiJLlmOoPpQRSWw"


def run_text(reader: Reader, call: Call, text: str, around: Around | None = None) -> None:
    """Run a text that is handed to a shell."""
    if HOLE in text:
        reader.note(call.program("argument"))
    elif text.strip():
        reader.text(text, around or call.around)


def _su(reader: Reader, call: Call) -> None:
    """`su [-] [USER] -c CODE`; `runuser -u USER PROGRAM` runs one without a shell."""
    fields = call.arguments
    texts = [field.text for field in fields]
    reader.note(call.program())
    for at, text in enumerate(texts):
        if text in ("-c", "--command", "--session-command") or re.fullmatch(r"-[lmpfP]*c", text):
            return run_text(reader, call, texts[at + 1] if at + 1 < len(texts) else HOLE)
        if found := re.match(r"(?:--(?:session-)?command=|-[lmpfP]*c)(.+)", text, re.DOTALL):
            return run_text(reader, call, found.group(1))
    if call.name == "runuser" and any(text.startswith(("-u", "--user")) for text in texts):
        found_inner = inner(fields, Wrapper("ugG", ("user", "group", "supp-group")))
        if found_inner and (rest := fields[found_inner[0] :]):
            reader.call(call.within(rest))
        return None
    return run_input(reader, call.within([Field("sh")]))


def _xargs(reader: Reader, call: Call) -> None:
    found = inner(
        call.arguments,
        Wrapper(
            "adEILnPs",
            ("arg-file", "delimiter", "max-lines", "max-args", "max-procs", "max-chars", "process-slot-var"),
        ),
    )
    reader.note(call.program("argument" if found is None else ""))
    if found is None:
        return
    rest = call.arguments[found[0] :] or [Field("echo")]
    place = ""
    for at, field in enumerate(call.arguments[: found[0]]):
        if match := re.match(r"-[a-zA-Z0-9]*I(.*)|-i(.*)|--replace=?(.*)", field.text):
            following = call.arguments[at + 1].text if at + 1 < len(call.arguments) else ""
            place = match.group(1) or match.group(2) or match.group(3) or (following if "I" in field.text else "{}")
    text = call.around.input.text
    around = replace(call.around, input=Input("pipe"))
    if place:
        value = text.strip("\n") if text is not None and "\n" not in text.strip("\n") else HOLE
        rest = [Field(field.text.replace(place, value), field.pattern) for field in rest]
        reader.call(call.within(rest, around))
        return
    words = text.split() if text is not None and not re.search(r"['\"\\]", text) else [HOLE]
    reader.call(call.within([*rest, *map(Field, words)], around))


def _find(reader: Reader, call: Call) -> None:
    reader.note(call.program())
    fields = call.arguments
    texts = [field.text for field in fields]
    starts = []
    for text in texts[_leading_options(texts) :]:
        if text.startswith(("-", "(", "!", ")")):
            break
        starts.append(text)
    names = [texts[at + 1] for at, text in enumerate(texts[:-1]) if text in ("-name", "-iname")]
    name = names[0] if len(names) == 1 and "-o" not in texts and "!" not in texts else "*"
    at = 0
    while at < len(texts):
        if texts[at] not in ("-exec", "-execdir", "-ok", "-okdir"):
            at += 1
            continue
        end = at + 1
        while end < len(texts) and texts[end] != ";" and not (texts[end] == "+" and texts[end - 1] == "{}"):
            end += 1
        program = fields[at + 1 : end]
        for start in starts or ["."]:
            found = f"{start.rstrip('/')}/*/{name}"
            if program:
                reader.call(
                    call.within(
                        [Field(f.text.replace("{}", found), f.pattern or "{}" in f.text) for f in program],
                        replace(call.around, input=Input("pipe")),
                    )
                )
        at = end


def _leading_options(texts: list[str]) -> int:
    at = 0
    while at < len(texts) and (texts[at] in ("-H", "-L", "-P", "-D", "--") or texts[at].startswith("-O")):
        at += 2 if texts[at] == "-D" else 1
    return at


def _ssh(reader: Reader, call: Call) -> None:
    """The line that another host's shell gets is judged as if it were for this one."""
    fields = call.arguments
    reader.note(call.program())
    for at, field in enumerate(fields):
        option = fields[at + 1].text if field.text == "-o" and at + 1 < len(fields) else field.text.removeprefix("-o")
        if found := re.match(
            r"\s*(?:ProxyCommand|LocalCommand|RemoteCommand|KnownHostsCommand)[\s=]+(.*)", option, re.I | re.S
        ):
            run_text(reader, call, found.group(1))
    found_inner = inner(fields, Wrapper(_SSH_VALUES))
    rest = fields[found_inner[0] :] if found_inner else []
    host, line = rest[:1], rest[1:]
    after = inner(line, Wrapper(_SSH_VALUES)) if line and line[0].text.startswith("-") else (0, set(), {})
    if found_inner is None or after is None:
        reader.note(call.program("argument"))
        return
    line = line[after[0] :]
    around = replace(call.around, scope=Scope())
    if line:
        run_text(reader, call, " ".join(field.text for field in line), around)
    elif host and not found_inner[1] & {"N", "O", "Q", "G", "V"}:
        run_input(reader, call.within([Field("sh")], around))


def _shell_words(skip: Wrapper) -> Callable[[Reader, Call], None]:
    """Programs that hand their words, joined, to a shell: `watch`, `script -c`, `flock -c`."""

    def unwrapped(reader: Reader, call: Call) -> None:
        texts = [field.text for field in call.arguments]
        reader.note(call.program())
        for at, text in enumerate(texts):
            if call.name != "watch" and (found := re.match(r"(?:-[a-z]*c|--command)(?:=(.*))?$", text, re.DOTALL)):
                run_text(reader, call, found.group(1) or (texts[at + 1] if at + 1 < len(texts) else HOLE))
                return
        found_inner = inner(call.arguments, skip)
        rest = call.arguments[found_inner[0] :] if found_inner else [Field(HOLE)]
        if call.name == "watch":
            run_text(reader, call, " ".join(field.text for field in rest))
        elif call.name == "script":
            run_input(reader, call.within([Field("sh")]))
        elif rest:
            reader.call(call.within(rest))

    return unwrapped


_PARALLEL = Wrapper(
    "jISaNnLlPsxdEC",
    (
        *("jobs", "arg-file", "max-args", "delay", "timeout", "joblog", "colsep", "sshlogin", "results", "tmpdir"),
        *("retries", "halt", "load", "nice", "memfree", "basefile", "return"),
    ),
)


def _parallel(reader: Reader, call: Call) -> None:
    found = inner(call.arguments, _PARALLEL)
    texts = [field.text for field in call.arguments[found[0] if found else 0 :]]
    ends = [at for at, text in enumerate(texts) if re.fullmatch(r":{3,4}\+?", text)]
    template = texts[: ends[0]] if ends else texts
    if found is None or not template:
        reader.note(call.program("pipe"))
        return
    reader.note(call.program())
    values = texts[ends[0] + 1 :] if ends and texts[ends[0]] == ":::" and len(ends) == 1 else [HOLE]
    for value in values[:16] if len(values) <= 16 else [HOLE]:
        line = " ".join(template)
        line = re.sub(r"\{[^{}\s]*\}", value.replace("\\", "\\\\"), line) if "{" in line else f"{line} {value}"
        if HOLE in line:
            fields = [Field(word) for word in line.split(" ") if word]
            reader.call(call.within(fields, replace(call.around, input=Input("pipe"))))
        else:
            run_text(reader, call, line)


def _git(reader: Reader, call: Call) -> None:
    """`git -c alias.x='!rm'`, `git bisect run`, `git submodule foreach`, `git rebase --exec`, hooks and pagers."""
    texts = [field.text for field in call.arguments]
    joined = "\n".join(texts)
    reader.note(call.program())
    for at, text in enumerate(texts):
        if text in ("-x", "--exec") and at + 1 < len(texts) and "rebase" in texts:
            run_text(reader, call, texts[at + 1])
        if found := re.match(
            r"(?:alias\.[^=]+=!|core\.(?:pager|editor|sshCommand|fsmonitor)=|sequence\.editor="
            r"|--upload-pack=|--receive-pack=|--exec=)(.+)",
            text,
            re.S | re.I,
        ):
            run_text(reader, call, found.group(1))
        if text in ("foreach", "run") and ({"submodule", "bisect"} & set(texts[:at])):
            run_text(reader, call, " ".join(texts[at + 1 :]))
    if re.search(r"(?:^|\n)ext::(.*)", joined):
        reader.note(call.program("argument"))


def _tar(reader: Reader, call: Call) -> None:
    """Options of tar, rsync, zip and others that name a program to run."""
    texts = [field.text for field in call.arguments]
    reader.note(call.program())
    for at, text in enumerate(texts):
        following = texts[at + 1] if at + 1 < len(texts) else ""
        if found := re.match(
            r"--(?:checkpoint-action=exec=|checkpoint-action=exec |to-command=|use-compress-program=|info-script="
            r"|new-volume-script=|rsh-command=|rmt-command=|rsh=|rsync-path=|unzip-command=)(.+)",
            text,
            re.S,
        ):
            run_text(reader, call, found.group(1))
        elif text in (
            "--to-command",
            "--use-compress-program",
            "--rsh",
            "--rsync-path",
            "--unzip-command",
            "-TT",
            "--checkpoint-action",
        ) or (text == "-I" and call.name.endswith("tar")):
            run_text(reader, call, following.removeprefix("exec="))
        elif call.name == "rsync" and re.fullmatch(r"-[a-zA-Z]*e", text):
            run_text(reader, call, following)


LAUNCHERS: Mapping[str, Callable[[Reader, Call], None]] = {
    **dict.fromkeys(("su", "runuser"), _su),
    **dict.fromkeys(("xargs", "gxargs"), _xargs),
    **dict.fromkeys(("find", "gfind", "fd", "fdfind"), _find),
    **dict.fromkeys(("ssh", "autossh", "mosh", "slogin", "rsh"), _ssh),
    "watch": _shell_words(Wrapper("nq", ("interval", "equexit"))),
    "script": _shell_words(Wrapper("BEIOTmo")),
    "flock": _shell_words(Wrapper("wE", ("timeout", "wait", "conflict-exit-code"), 1)),
    "parallel": _parallel,
    "git": _git,
    **dict.fromkeys(("tar", "bsdtar", "gtar", "rsync", "zip"), _tar),
}
