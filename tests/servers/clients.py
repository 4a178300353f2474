"""Where clients that do not come from PyPI are; a test that needs one that is not there is skipped."""

import os
from pathlib import Path

from tests.servers.missing import missing, program

_ROOT = Path(__file__).parents[2]
_NODE_MODULES = _ROOT / "build" / "node" / "node_modules"
_JDBC = Path("/usr/share/java/postgresql.jar")


def node() -> tuple[Path, dict[str, str]]:
    """Node.js, and the environment in which its scripts find `pg` and `pg-cursor`."""
    if not (_NODE_MODULES / "pg" / "package.json").exists():
        missing("node-postgres")
    return program("node"), {**os.environ, "NODE_PATH": str(_NODE_MODULES)}


def node_modules(needed: str) -> Path:
    """The folder of npm's packages, with this one in it."""
    if not (_NODE_MODULES / needed / "package.json").exists():
        missing(f"npm's {needed}")
    return _NODE_MODULES


def mcp_server(name: str, *arguments: str) -> list[str]:
    """The command line of an MCP server of npm's `@modelcontextprotocol`."""
    script = _NODE_MODULES / "@modelcontextprotocol" / name / "dist" / "index.js"
    if not script.exists():
        missing(f"MCP's {name}")
    return [str(program("node")), str(script), *arguments]


def java() -> tuple[Path, Path]:
    """Java (a JDK: `java -cp DRIVER Some.java` compiles and runs), and PostgreSQL's JDBC driver."""
    program("javac")
    return program("java"), _JDBC if _JDBC.exists() else missing("PostgreSQL's JDBC driver")
