"""`hoopaddon schema`: the JSON Schema of the configuration file, for editors."""

import argparse
from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Print the schema."""
    argparse.ArgumentParser(
        prog="hoopaddon schema",
        description="Print the JSON Schema of hoopaddon.yaml, by which editors complete and check it.",
        epilog="Keep it as hoopaddon.schema.json beside the file, whose first line is then:"
        " # yaml-language-server: $schema=hoopaddon.schema.json",
    ).parse_args(argv)
    from hoopaddon.config.schema import schema_text

    print(schema_text(), end="")
    return 0
