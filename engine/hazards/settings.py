"""Settings of PostgreSQL that turn off protections, or name code that is run."""

# What a setting may become all the same.
SETTINGS = {
    "session_replication_role": frozenset({"origin", "local", "default"}),
    "standard_conforming_strings": frozenset({"on", "true", "yes", "1", "default"}),
    "role": frozenset({"none", "default"}),
    "session_authorization": frozenset({"default"}),
    "allow_system_table_mods": frozenset({"off", "false", "no", "0"}),
    "zero_damaged_pages": frozenset({"off", "false", "no", "0"}),
    "ignore_system_indexes": frozenset({"off", "false", "no", "0"}),
    "ignore_checksum_failure": frozenset({"off", "false", "no", "0"}),
    "lo_compat_privileges": frozenset({"off", "false", "no", "0"}),
    "local_preload_libraries": frozenset({""}),
    "session_preload_libraries": frozenset({""}),
    "dynamic_library_path": frozenset({"$libdir", "default"}),
    "jit_provider": frozenset({"default"}),
    "log_statement": frozenset({"all", "default"}),
    # A name that is computed. pg_dump sets `restrict_nonsystem_relation_kind` so, and none of the above can take its
    # value. That the name is compared with a constant would prove nothing: users can define an operator `=`.
    "*": frozenset({"view, foreign-table"}),
}
