-- One SQL for SQLite and PostgreSQL. Times are milliseconds since the epoch; JSON is kept as text.

CREATE TABLE threads (
    id         VARCHAR(64)  NOT NULL PRIMARY KEY,
    title      VARCHAR(400) NOT NULL,
    created_at BIGINT       NOT NULL,
    updated_at BIGINT       NOT NULL,
    sandbox_id VARCHAR(128),
    last_event BIGINT       NOT NULL,
    last_message BIGINT     NOT NULL
);
CREATE INDEX threads_by_update ON threads (updated_at);

CREATE TABLE messages (
    id         VARCHAR(64) NOT NULL PRIMARY KEY,
    thread_id  VARCHAR(64) NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    position   BIGINT      NOT NULL,
    role       VARCHAR(16) NOT NULL,
    status     VARCHAR(16) NOT NULL,
    created_at BIGINT      NOT NULL,
    parts      TEXT        NOT NULL,
    data       TEXT,
    UNIQUE (thread_id, position)
);

CREATE TABLE runs (
    id         VARCHAR(64)  NOT NULL PRIMARY KEY,
    thread_id  VARCHAR(64)  NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    message_id VARCHAR(64)  NOT NULL,
    node       VARCHAR(128) NOT NULL,
    status     VARCHAR(16)  NOT NULL,
    created_at BIGINT       NOT NULL,
    ended_at   BIGINT
);
-- The database itself keeps a thread from having two runs at once, on any number of nodes.
CREATE UNIQUE INDEX one_active_run ON runs (thread_id) WHERE ended_at IS NULL;

CREATE TABLE thread_events (
    thread_id VARCHAR(64) NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    number    BIGINT      NOT NULL,
    body      TEXT        NOT NULL,
    PRIMARY KEY (thread_id, number)
);
