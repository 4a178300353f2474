"""The tables of the index, and of the approvals that wait."""

INDEX_VERSION = 2

INDEX = """
CREATE TABLE files (
    path     TEXT PRIMARY KEY,      -- relative to the store's folder of sessions
    session  TEXT NOT NULL,
    offset   INTEGER NOT NULL,      -- bytes read so far
    lines    INTEGER NOT NULL,
    head     TEXT NOT NULL,         -- hash of the last line read
    closed   INTEGER NOT NULL,
    damage   TEXT NOT NULL          -- what did not fit while it was read
) STRICT;
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    user       TEXT NOT NULL,
    groups     TEXT NOT NULL,       -- JSON
    target     TEXT NOT NULL,
    protocol   TEXT NOT NULL,
    server     TEXT NOT NULL,       -- the target's address
    labels     TEXT NOT NULL,       -- JSON
    address    TEXT NOT NULL,       -- the client's
    parameters TEXT NOT NULL,       -- JSON
    started    REAL NOT NULL,
    ended      REAL
) STRICT;
CREATE INDEX sessions_by_time ON sessions (started);
CREATE TABLE commands (
    session    TEXT NOT NULL,
    number     INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    text       TEXT NOT NULL,
    parameters TEXT NOT NULL,       -- JSON
    started    REAL NOT NULL,
    verdict    TEXT NOT NULL,       -- empty: forwarded, and how it ended is not recorded
    reason     TEXT NOT NULL,
    addon      TEXT NOT NULL,
    approvers  TEXT NOT NULL,       -- JSON
    duration   REAL,
    rows       INTEGER,
    bytes      INTEGER,
    error      TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_by_verdict ON commands (verdict, started);
CREATE VIRTUAL TABLE words USING fts5 (
    text, user, rows,
    session UNINDEXED, number UNINDEXED,
    tokenize = 'unicode61 remove_diacritics 2'
);
"""

SCREENS = """
CREATE TABLE screens (              -- what streams and has not come to the end of a line
    session  TEXT NOT NULL,
    number   INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (session, number, kind)
) STRICT, WITHOUT ROWID
"""
"""Since version 2."""

APPROVALS = """
CREATE TABLE IF NOT EXISTS requests (
    id         TEXT PRIMARY KEY,
    session    TEXT NOT NULL,
    number     INTEGER NOT NULL,    -- of the command in its session
    user       TEXT NOT NULL,
    groups     TEXT NOT NULL,       -- JSON
    address    TEXT NOT NULL,
    target     TEXT NOT NULL,
    server     TEXT NOT NULL,
    labels     TEXT NOT NULL,       -- JSON
    protocol   TEXT NOT NULL,
    text       TEXT NOT NULL,
    parameters TEXT NOT NULL,       -- JSON
    verbs      TEXT NOT NULL,       -- JSON
    objects    TEXT NOT NULL,       -- JSON
    reason     TEXT NOT NULL,
    policy     TEXT NOT NULL,
    approvers  TEXT NOT NULL,       -- JSON: the groups that may answer
    needed     INTEGER NOT NULL,
    created    REAL NOT NULL,
    expires    REAL NOT NULL,
    digest     TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'expired', 'withdrawn')),
    settled    REAL,
    actors     TEXT NOT NULL DEFAULT '[]',  -- JSON: who acts for the user
    names      TEXT NOT NULL DEFAULT '[]'   -- JSON: all that stand behind the request
) STRICT;
CREATE INDEX IF NOT EXISTS requests_by_status ON requests (status, created);
CREATE TABLE IF NOT EXISTS answers (
    request    TEXT NOT NULL REFERENCES requests (id),
    person     TEXT NOT NULL,       -- the approver in the form in which names are compared
    approver   TEXT NOT NULL,
    via        TEXT NOT NULL,       -- what proved who it is
    approved   INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    at         REAL NOT NULL,
    PRIMARY KEY (request, person)
) STRICT, WITHOUT ROWID;
"""

TOKENS = """
CREATE TABLE IF NOT EXISTS tokens (    -- that the gateway's key has signed; what proves anything of them is not here
    id       TEXT PRIMARY KEY,
    user     TEXT NOT NULL,
    groups   TEXT NOT NULL,            -- JSON
    target   TEXT NOT NULL,            -- empty: every target
    issued   REAL NOT NULL,
    expires  REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS revoked (
    kind   TEXT NOT NULL CHECK (kind IN ('token', 'user')),
    name   TEXT NOT NULL,              -- a token's id, or a user in the form in which names are compared
    at     REAL NOT NULL,              -- of a user, what was issued until then is revoked
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
"""
"""Of tokens."""

GRANTS = """
CREATE TABLE IF NOT EXISTS grants (
    id         TEXT PRIMARY KEY,
    user       TEXT NOT NULL,
    via        TEXT NOT NULL,       -- what proved who asks
    target     TEXT NOT NULL,
    scope      TEXT NOT NULL,
    seconds    REAL NOT NULL CHECK (seconds > 0),
    reason     TEXT NOT NULL,
    emergency  INTEGER NOT NULL,    -- nobody was asked
    extends    TEXT REFERENCES grants (id),
    approvers  TEXT NOT NULL,       -- JSON: the groups that may answer
    needed     INTEGER NOT NULL CHECK (needed > 0),
    created    REAL NOT NULL,
    expires    REAL NOT NULL,       -- of the request
    starts     REAL,
    ends       REAL,
    status     TEXT NOT NULL
        CHECK (status IN ('pending', 'active', 'denied', 'expired', 'withdrawn', 'ended', 'revoked', 'extended')),
    settled    REAL,
    settled_by TEXT NOT NULL,
    said       TEXT NOT NULL,       -- why it was revoked
    CHECK (status <> 'active' OR (starts IS NOT NULL AND ends > starts))
) STRICT;
CREATE INDEX IF NOT EXISTS grants_by_status ON grants (status, user, target);
CREATE TABLE IF NOT EXISTS grant_answers (
    request    TEXT NOT NULL REFERENCES grants (id),
    person     TEXT NOT NULL,       -- the approver in the form in which names are compared
    approver   TEXT NOT NULL,
    via        TEXT NOT NULL,
    approved   INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    at         REAL NOT NULL,
    PRIMARY KEY (request, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grant_uses (
    request    TEXT NOT NULL REFERENCES grants (id),
    session    TEXT NOT NULL,
    at         REAL NOT NULL,
    PRIMARY KEY (request, session)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rules (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    rules      TEXT NOT NULL        -- JSON: the terms of the gateway that grants
) STRICT;
"""
"""Of just-in-time access."""
