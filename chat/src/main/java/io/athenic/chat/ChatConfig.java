package io.athenic.chat;

import io.athenic.chat.llm.ChatModelConfig;
import io.athenic.chat.run.RunLimits;
import io.athenic.chat.store.DatabaseConfig;
import java.util.Objects;
import java.util.Optional;

/**
 * What a chat needs to know at start.
 *
 * @param model empty: no language model; carried code is run all the same
 * @param maxRuns runs at the same time on this node; more are refused as overloaded
 * @param node this server's name among those that share the database; its unfinished runs are ended at start
 * @param version of the application, for {@code GET /api/status}
 */
public record ChatConfig(
        DatabaseConfig database,
        Optional<ChatModelConfig> model,
        RunLimits limits,
        int maxRuns,
        String node,
        String version) {

    public ChatConfig {
        Objects.requireNonNull(database, "database");
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(limits, "limits");
        if (maxRuns < 1) {
            throw new IllegalArgumentException("maxRuns must be at least 1: " + maxRuns);
        }
        if (node.isBlank() || node.length() > 128) {
            throw new IllegalArgumentException("node must have 1 to 128 characters: " + node);
        }
        Objects.requireNonNull(version, "version");
    }

    /** The usual bounds. */
    public static ChatConfig of(DatabaseConfig database, Optional<ChatModelConfig> model, String version) {
        return new ChatConfig(database, model, RunLimits.DEFAULT, 64, "main", version);
    }
}
