"""Which gateway a command is about: its folders and options, found where the gateway finds them."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hoopaddon.config.layers import FILE, read_config
from hoopaddon.store.layout import Layout, store_folder

if TYPE_CHECKING:
    from hoopaddon.config.draft import Draft
    from hoopaddon.options import Options


@dataclass(frozen=True, slots=True)
class Place:
    """The options of a gateway that is started with the same arguments in the same folder, and its file."""

    options: "Options"
    draft: "Draft | None"

    @classmethod
    def of(cls, args: argparse.Namespace, *, looks_here: bool = True) -> "Place":
        """By `--confdir` and `--store`, else `hoopaddon.yaml`, else confdir's own file. Raises `ConfigError`.

        Without `looks_here` the working directory's file is left alone, unless it is named: whoever starts this may
        not have chosen the folder.
        """
        from hoopaddon.cli.run import load_config_files
        from hoopaddon.options import Options

        draft = read_config(args.config, looks_here=looks_here)
        options = Options()
        said, _ = draft.values(options._options) if draft is not None else ({}, {})
        in_file = said.pop("confdir", "")
        if confdir := args.confdir or in_file:
            options.update(confdir=confdir)
        load_config_files(options)
        options.update(**said)
        if args.store:
            options.update(store=args.store)
        return cls(options, draft)

    @property
    def confdir(self) -> Path:
        return self.options.confdir_path

    @property
    def layout(self) -> Layout:
        """The store's."""
        return Layout(store_folder(self.options.store, self.options.confdir))


def add_place(parser: argparse._ActionsContainer) -> None:
    """The arguments that say which gateway is meant."""
    parser.add_argument("--config", metavar="FILE", help=f"the gateway's file ({FILE} of the working directory)")
    parser.add_argument("--confdir", default="", metavar="DIR", help="where the gateway's key is (~/.hoopaddon)")
    parser.add_argument("--store", default="", metavar="DIR", help="the gateway's store (`store` in the confdir)")
