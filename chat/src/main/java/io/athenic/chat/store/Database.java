package io.athenic.chat.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.util.Properties;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;

/** The pool of connections, with the schema brought up to date. */
final class Database implements AutoCloseable {

    private static final int POSTGRES_CONNECTIONS = 8;
    private static final long CONNECTION_WAIT_MILLIS = 15_000;

    private final HikariDataSource source;
    private final Jdbi jdbi;

    private Database(HikariDataSource source) {
        this.source = source;
        this.jdbi = Jdbi.create(source);
    }

    /** @throws RuntimeException when the database cannot be reached or its schema cannot be brought up to date */
    static Database open(DatabaseConfig config) {
        HikariDataSource source = new HikariDataSource(config.isSqlite() ? sqlite(config) : postgres(config));
        try {
            Flyway.configure(Database.class.getClassLoader())
                    .dataSource(source)
                    .locations("classpath:db/migration")
                    .load()
                    .migrate();
            return new Database(source);
        } catch (RuntimeException e) {
            source.close();
            throw e;
        }
    }

    /** One connection: SQLite has one writer anyway, and so nobody in this process ever sees it busy. */
    private static HikariConfig sqlite(DatabaseConfig config) {
        SQLiteConfig sqlite = new SQLiteConfig();
        sqlite.setJournalMode(SQLiteConfig.JournalMode.WAL);
        sqlite.setSynchronous(SQLiteConfig.SynchronousMode.NORMAL);
        sqlite.enforceForeignKeys(true);
        sqlite.setBusyTimeout(10_000);
        sqlite.setTransactionMode(SQLiteConfig.TransactionMode.IMMEDIATE);
        SQLiteDataSource source = new SQLiteDataSource(sqlite);
        source.setUrl(config.jdbcUrl());
        HikariConfig pool = new HikariConfig();
        pool.setDataSource(source);
        pool.setMaximumPoolSize(1);
        pool.setMaxLifetime(0);
        pool.setPoolName("chat-sqlite");
        pool.setConnectionTimeout(CONNECTION_WAIT_MILLIS);
        return pool;
    }

    private static HikariConfig postgres(DatabaseConfig config) {
        Properties properties = new Properties();
        properties.setProperty("socketTimeout", "60");
        properties.setProperty("ApplicationName", "athenic");
        HikariConfig pool = new HikariConfig();
        pool.setJdbcUrl(config.jdbcUrl());
        pool.setDataSourceProperties(properties);
        if (config.user() != null) {
            pool.setUsername(config.user());
        }
        if (config.password() != null) {
            pool.setPassword(config.password());
        }
        pool.setMaximumPoolSize(POSTGRES_CONNECTIONS);
        pool.setPoolName("chat-postgres");
        pool.setConnectionTimeout(CONNECTION_WAIT_MILLIS);
        return pool;
    }

    Jdbi jdbi() {
        return jdbi;
    }

    @Override
    public void close() {
        source.close();
    }
}
