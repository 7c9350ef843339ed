package io.athenic.chat.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RepliesTest {
    /** A database at its page limit answers as one whose disk is full. */
    @Test
    void aFullDatabaseIsKnownAsAFullDisk(@TempDir Path folder) throws SQLException {
        try (var connection = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("full.db"));
                var statement = connection.createStatement()) {
            statement.execute("CREATE TABLE t (x BLOB)");
            statement.execute("PRAGMA max_page_count = 3");

            Throwable full = catchThrowable(() -> statement.execute("INSERT INTO t VALUES (zeroblob(100000))"));

            assertThat(Replies.diskFull(new IllegalStateException("commit", full)))
                    .isTrue();
            assertThat(Replies.diskFull(new IllegalStateException("other"))).isFalse();
        }
    }
}
