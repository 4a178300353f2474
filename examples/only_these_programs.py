"""Members of some groups may run only the programs on a list, at whatever depth of a command line.

hoopaddon -s only_these_programs.py --set program_groups=agents --set programs=ls,cat,grep,tail,systemctl
"""

from collections.abc import Iterable, Sequence

from hoopaddon import Loader, Refused, ShellCommand, ctx


def items(values: Iterable[str]) -> frozenset[str]:
    return frozenset(item.strip() for value in values for item in value.split(",") if item.strip())


class OnlyThesePrograms:
    def load(self, loader: Loader) -> None:
        loader.add_option("program_groups", Sequence[str], [], "Groups whose members may run only `programs`.")
        loader.add_option("programs", Sequence[str], [], "What they may run.")

    def ssh_exec(self, command: ShellCommand) -> None:
        if not command.session.user.groups & items(ctx.options.program_groups):
            return
        if others := command.verbs - items(ctx.options.programs):
            raise Refused(f"{', '.join(sorted(others))}: not on your list of programs")
        for program in command.programs:
            # A computed name is in no list, and code that cannot be read runs what it likes.
            if not program.name or program.opaque:
                raise Refused("your programs have to be written out")

    # What is typed into a shell is judged in the same way.
    ssh_input = ssh_exec


addons = [OnlyThesePrograms()]
