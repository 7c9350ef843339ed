package io.athenic.e2b;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Code and where it runs. At most one of language and context; none: the default Python context.
 *
 * @param env set for this execution
 * @param startTimeout until the server answers; an execution that waits for its turn in a context is answered at once by most servers
 * @param executionId makes the execution durable on servers that can: it outlives its connection and can be followed again by
 *     {@link CodeInterpreter#attach}. Letters, digits, hyphens, at most 64. E2B's own servers ignore it
 */
public record ExecuteOptions(
        String code,
        @Nullable String language,
        @Nullable String contextId,
        Map<String, String> env,
        Duration startTimeout,
        @Nullable String executionId) {
    public ExecuteOptions {
        env = Map.copyOf(env);
        if (language != null && contextId != null) {
            throw new IllegalArgumentException("language and contextId exclude each other: a context has its language");
        }
    }

    public static ExecuteOptions of(String code) {
        return new ExecuteOptions(code, null, null, Map.of(), Duration.ofMinutes(1), null);
    }

    public ExecuteOptions withLanguage(String newLanguage) {
        return new ExecuteOptions(code, newLanguage, null, env, startTimeout, executionId);
    }

    public ExecuteOptions withContext(String newContextId) {
        return new ExecuteOptions(code, null, newContextId, env, startTimeout, executionId);
    }

    public ExecuteOptions withEnv(Map<String, String> newEnv) {
        return new ExecuteOptions(code, language, contextId, newEnv, startTimeout, executionId);
    }

    public ExecuteOptions withStartTimeout(Duration newTimeout) {
        return new ExecuteOptions(code, language, contextId, env, newTimeout, executionId);
    }

    public ExecuteOptions withExecutionId(String newId) {
        return new ExecuteOptions(code, language, contextId, env, startTimeout, newId);
    }
}
