"""Functions of databases that read files, run text as SQL, or act on the server."""

FUNCTIONS = frozenset(
    {
        # Files of the server, and pages beneath the tables.
        *("pg_read_file", "pg_read_binary_file", "pg_stat_file", "pg_logdir_ls", "loread", "lowrite"),
        *("pg_rotate_logfile", "pg_logfile_rotate", "get_raw_page", "pg_truncate_visibility_map"),
        *("heap_force_kill", "heap_force_freeze", "query_export_to_s3", "table_import_from_s3"),
        # Other sessions, and the server itself.
        *("pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_promote", "pg_switch_wal"),
        *("pg_create_restore_point", "pg_wal_replay_pause", "pg_wal_replay_resume", "pg_start_backup"),
        *("pg_stop_backup", "pg_backup_start", "pg_backup_stop", "pg_drop_replication_slot"),
        *("pg_create_physical_replication_slot", "pg_create_logical_replication_slot"),
        *("pg_copy_physical_replication_slot", "pg_copy_logical_replication_slot", "pg_replication_slot_advance"),
        *("pg_logical_emit_message", "pg_execute_server_program", "pg_stop_making_pinned_objects"),
        # Text that is run as SQL, and requests to elsewhere.
        *("ts_stat", "ts_rewrite", "connectby", "xpath_table", "exec_sql", "pg_background_launch"),
        *("pg_background_launch_v2", "http", "http_get", "http_post", "http_put", "http_delete"),
    }
)
PREFIXES = (
    "dblink",
    "lo_",
    "crosstab",
    "pg_ls_",
    "pg_file_",
    "pg_logical_slot_",
    "pg_replication_origin_",
    "binary_upgrade_",
    "query_to_xml",
    "cursor_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cron.",
    "net.http_",
    "utl_file.",
    "dbms_sql.",
)
