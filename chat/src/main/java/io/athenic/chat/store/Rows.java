package io.athenic.chat.store;

import io.athenic.chat.thread.ActiveRun;
import io.athenic.chat.thread.ChatJson;
import io.athenic.chat.thread.ChatThread;
import io.athenic.chat.thread.Message;
import io.athenic.chat.thread.MessageStatus;
import io.athenic.chat.thread.Role;
import io.athenic.chat.thread.RunStatus;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import org.jdbi.v3.core.statement.StatementContext;

/** Rows of the tables as records. */
final class Rows {

    private Rows() {}

    static ChatThread thread(ResultSet row, StatementContext context) throws SQLException {
        return new ChatThread(
                row.getString("id"),
                row.getString("title"),
                Instant.ofEpochMilli(row.getLong("created_at")),
                Instant.ofEpochMilli(row.getLong("updated_at")),
                row.getString("sandbox_id"));
    }

    static Message message(ResultSet row, StatementContext context) throws SQLException {
        String data = row.getString("data");
        return new Message(
                row.getString("id"),
                row.getString("thread_id"),
                Role.of(row.getString("role")),
                Instant.ofEpochMilli(row.getLong("created_at")),
                MessageStatus.of(row.getString("status")),
                ChatJson.readParts(ChatJson.parse(row.getString("parts"))),
                data == null ? null : ChatJson.readData(ChatJson.parse(data)));
    }

    static ActiveRun run(ResultSet row, StatementContext context) throws SQLException {
        return new ActiveRun(
                row.getString("id"),
                row.getString("thread_id"),
                row.getString("message_id"),
                RunStatus.of(row.getString("status")));
    }
}
