package io.athenic.chat.store;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where the data is kept.
 *
 * @param jdbcUrl {@code jdbc:sqlite:/path/file.db} or {@code jdbc:postgresql://host/database}
 * @param user for PostgreSQL; null when the URL names it
 * @param password for PostgreSQL; never logged
 */
public record DatabaseConfig(
        String jdbcUrl, @Nullable String user, @Nullable String password) {
    public DatabaseConfig {
        Objects.requireNonNull(jdbcUrl, "jdbcUrl");
        if (!jdbcUrl.startsWith("jdbc:sqlite:") && !jdbcUrl.startsWith("jdbc:postgresql:")) {
            throw new IllegalArgumentException(
                    "the database must be jdbc:sqlite:FILE or jdbc:postgresql://HOST/NAME, not "
                            + jdbcUrl.split("[/?]", 2)[0]);
        }
    }

    /** A file database. */
    public static DatabaseConfig sqlite(java.nio.file.Path file) {
        return new DatabaseConfig("jdbc:sqlite:" + file.toAbsolutePath(), null, null);
    }

    boolean isSqlite() {
        return jdbcUrl.startsWith("jdbc:sqlite:");
    }

    @Override
    public String toString() {
        return "DatabaseConfig[" + (isSqlite() ? jdbcUrl : "jdbc:postgresql:...") + "]";
    }
}
