"""The program `hoopaddon`: one module per subcommand."""
