package io.athenic.chat.store;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class PostgresChatStoreTest extends ChatStoreContract {

    private static final AtomicInteger COUNT = new AtomicInteger();
    private static EmbeddedPostgres postgres;
    private String database = "";

    @BeforeAll
    static void startServer() throws IOException {
        postgres = EmbeddedPostgres.builder()
                .setPGStartupWait(Duration.ofMinutes(2)) // on a machine that stands still
                .start();
    }

    @AfterAll
    static void stopServer() throws IOException {
        postgres.close();
    }

    /** A database of its own for each test; made once, so that reopening finds it. */
    @Override
    DatabaseConfig database() throws SQLException {
        if (database.isEmpty()) {
            database = "chat" + COUNT.incrementAndGet();
            try (Connection connection = postgres.getPostgresDatabase().getConnection();
                    Statement statement = connection.createStatement()) {
                statement.execute("CREATE DATABASE " + database);
            }
        }
        return new DatabaseConfig(postgres.getJdbcUrl("postgres", database), "postgres", "postgres");
    }
}
