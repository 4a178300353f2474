"""What a command line says: programs at any depth, paths and hosts, and what cannot be known."""

import time
from contextlib import suppress

import pytest

from hoopaddon.errors import Unparsable
from hoopaddon.shell.facts import Incomplete, facts_of


@pytest.mark.parametrize(
    ("line", "verbs"),
    [
        ("", set()),
        ("# nothing", set()),
        ("ls", {"ls"}),
        ("/usr/bin/ls -l", {"ls"}),
        ("a | b && c || d; e & f", {"a", "b", "c", "d", "e", "f"}),
        ("x=1", set()),
        ("> f", set()),
        ("sudo -u me -- env A=b nice -n 5 timeout 5 rm x", {"sudo", "env", "nice", "timeout", "rm"}),
        ("find . -exec rm {} + -o -exec sh -c 'mv $1 x' _ {} \\;", {"find", "rm", "sh", "mv"}),
        ("ssh -p 22 me@host 'a; b'", {"ssh", "a", "b"}),
        ("if a; then b; elif c; then d; else e; fi", {"a", "b", "c", "d", "e"}),
        ("while a; do b; done; until c; do d; done", {"a", "b", "c", "d"}),
        ("case x in a|b) c;; (d) e;& *) f;; esac", {"c", "e", "f"}),
        ("for ((i=0; i<3; i++)); do a; done", {"a"}),
        ("f() { a; }", {"a"}),
        ("f() { $1; }; f a; f b", {"a", "b"}),
        ("[[ $(a) == b* && -f c ]] && d", {"a", "d"}),
        ('echo ${x:-$(a)} $((1 + $(b))) <(c) "`d`"', {"echo", "a", "b", "c", "d"}),
        ("cat <<A <<'B'\n$(a)\nA\n$(b)\nB\nc", {"cat", "a", "c"}),
        ("xargs -I{} -P4 a {} < f", {"xargs", "a"}),
        ("kubectl exec -n x pod -- ls /", {"kubectl"}),
        ("docker exec web sh -c 'a'", {"docker", "sh", "a"}),
        ("su - me -c 'a'", {"su", "a"}),
        ("trap 'a' EXIT; eval b; . <(echo c)", {"trap", "a", "eval", "b", ".", "echo", "c"}),
    ],
)
def test_verbs(line: str, verbs: set[str]) -> None:
    assert facts_of(line).verbs == verbs


@pytest.mark.parametrize(
    ("line", "objects"),
    [
        ("cat /etc/hosts notes.txt", {"/etc/hosts", "notes.txt"}),
        ("sort < in > out", {"in", "out"}),
        ("ssh me@db.internal uptime", {"db.internal"}),
        ("scp x me@web:/srv/y", {"x", "web", "me@web:/srv/y"}),
        ("dd if=/dev/sda of=/tmp/x", {"/dev/sda", "/tmp/x"}),
        ('cat ~/x "$HOME/y"', {"~/x", "~/y"}),
        ("cat /srv/$x/y", {"/srv/…/y"}),
    ],
)
def test_objects(line: str, objects: set[str]) -> None:
    assert facts_of(line).objects >= objects


def test_a_program() -> None:
    (sort, uniq) = facts_of("cd /srv && A=b sort -k 2 '*' $x *.txt < in > out | uniq").programs[1:]
    assert (sort.name, sort.words) == ("sort", ("-k", "2", "*", None, "*.txt"))
    assert (sort.reads, sort.writes) == (frozenset({"in"}), frozenset({"out"}))
    assert (sort.folder, sort.sets, sort.dynamic, sort.opaque) == ("/srv", {"A": "b"}, True, False)
    assert (uniq.fed_by, uniq.dynamic) == (("sort",), False)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("sh", "input"),
        ("sh x", "file"),
        ("sh -c ls", ""),
        ('sh -c "$x"', "argument"),
        ("a | sh", "pipe"),
        ("echo ls | sh", ""),
        ("sh < x", "file"),
        ("sh <<E\n$x\nE", "argument"),
        ("python3 -c 'print(1)'", ""),
        ("python3 -c 'open(1)'", "argument"),
        ("python3 x.py", "file"),
        ("awk '{print $1 > \"x\"}'", "argument"),
        ("awk '$1 > 2 && /a|b/ {print $1 \"|\" $2 / 2}'", ""),
        ("sed 's/a/b/w x'", "argument"),
        ("sed -n '/a/,/b/p; s|x|y|gI; $d'", ""),
        ("f() { f | f & }; f", "itself"),
        ("f() { [ $1 = 0 ] || f 0; }; f 1", ""),
    ],
)
def test_code(line: str, code: str) -> None:
    programs = facts_of(line).programs
    assert {program.code for program in programs} - {""} == ({code} if code else set())
    assert any(program.opaque for program in programs) is bool(code)


@pytest.mark.parametrize(
    "line",
    [
        *("ls )", "a;;", "a | | b", "fi", "then a", "a && || b", "x=(a", "f() f()", "echo !(a)", "a (b)"),
        *("cmd &>f rm x", "echo $'\\''", "[[ a || rm -rf ]]", "[[ a || reboot ]]", "$\\\n(rm)", "${x!}", "ls \0"),
        *("coproc { rm; }", "coproc X { rm; }", "a\n;;\nrm"),
    ],
)
def test_what_cannot_be_read(line: str) -> None:
    with pytest.raises(Unparsable):
        facts_of(line)


@pytest.mark.parametrize(
    "line",
    ["echo 'a", 'echo "a', "echo `a", "echo $(a", "if a; then", "for x in a; do", "a &&", "a |", "cat <<E", "a\\"],
)
def test_a_line_that_goes_on(line: str) -> None:
    with pytest.raises(Incomplete):
        facts_of(line)


LONG = 128 * 1024
HOSTILE = [
    *(
        "a;",
        "$(",
        "(",
        "{",
        "'",
        "`",
        "a&&",
        "<<a ",
        "a|",
        "if a;then ",
        "${",
        '"',
        "x=(",
        "[[",
        "[[ ",
        "case a in a)",
    ),
    *(
        "((",
        "f()",
        "a b ",
        "\\\n",
        "$((",
        "{ ",
        "{a,b}",
        "$x",
        "x=$x$x;",
        "f(){ f;};f;",
        "eval ",
        "sh -c '",
        "!",
        "#",
    ),
    *("sudo ", "env ", "{1..9}", "a\n", "<(", ">a ", "for x in a b; do ", "alias a=a;a;", "\\", "$'", "}", "xargs "),
]


@pytest.mark.parametrize("part", HOSTILE)
def test_work_is_bounded(part: str) -> None:
    # What grew without end would not come back.
    for length in (LONG, 1024 * 1024):
        with suppress(Unparsable):
            facts_of(part * (length // len(part)))
    with pytest.raises(Unparsable):
        facts_of(part * (1024 * 1024 // len(part)))


def test_what_doubles_is_cut_off() -> None:
    line = "x=rm;" + "x=$x$x;" * 100 + "$x"
    assert facts_of(line).programs[-1].name == ""
    with pytest.raises(Unparsable):
        facts_of("echo " + "{a,b}" * 30)
    with pytest.raises(Unparsable):
        facts_of(
            "a() { b; b; }; b() { c; c; }; "
            + "".join(f"f{i}() {{ f{i + 1}; f{i + 1}; }}; " for i in range(30))
            + "f0"
        )


def test_facts_are_kept_per_text() -> None:
    assert facts_of("ls kept") is facts_of("ls kept")
    assert facts_of("ls !x") is not facts_of("ls !x", typed=True)


def test_what_is_typed_may_recall_other_lines() -> None:
    assert "" not in {program.name for program in facts_of("echo !x").programs}
    assert "" in {program.name for program in facts_of("echo !x", typed=True).programs}
    assert "" in {program.name for program in facts_of("^a^b^", typed=True).programs}
    with pytest.raises(Unparsable):
        facts_of("ls # ; rm -rf /", typed=True)


def test_bytes_that_are_no_text() -> None:
    assert facts_of("cat /srv/\udcff").objects == {"/srv/\udcff"}


@pytest.mark.parametrize(
    "line",
    [
        "; ".join([f"v{n}='{' + '.join(f'v{m}' for m in range(60))}'" for n in range(60)] + ["((v0))"]),
        "; ".join([f"v{n}=v{n + 1}" for n in range(60)] + ["((v0))"]),
        "; ".join([f"x{n}='a[$(echo x{n})]'; ((x{n}))" for n in range(1200)]),
    ],
)
def test_expressions_that_name_each_other_end_soon(line: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unparsable, match="expression"):
        facts_of(line)
    assert time.monotonic() - started < 5
