package io.athenic.server;

import io.athenic.chat.store.DatabaseConfig;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/** From {@code DATABASE_URL}, as hosters write it ({@code postgresql://user:password@host/name}), to JDBC. */
final class Databases {
    private Databases() {}

    static DatabaseConfig of(ServerConfig config) {
        String url = config.databaseUrl();
        if (url.isEmpty()) {
            return DatabaseConfig.sqlite(config.data().resolve("athenic.db"));
        }
        if (url.startsWith("jdbc:")) {
            return new DatabaseConfig(url, null, null);
        }
        URI uri = URI.create(url);
        if (uri.getHost() == null || !("postgres".equals(uri.getScheme()) || "postgresql".equals(uri.getScheme()))) {
            throw new IllegalArgumentException(
                    "database.url (DATABASE_URL) must look like postgresql://user:password@host:5432/name");
        }
        String[] account =
                uri.getUserInfo() == null ? new String[0] : uri.getUserInfo().split(":", 2);
        String target = "jdbc:postgresql://" + uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort())
                + uri.getPath() + (uri.getQuery() == null ? "" : "?" + uri.getQuery());
        @Nullable String user = account.length > 0 ? account[0] : null;
        @Nullable String password = account.length > 1 ? account[1] : null;
        return new DatabaseConfig(target, user, password);
    }
}
