package io.athenic.e2b;

import io.athenic.e2b.protocol.E2b;
import java.time.Duration;
import java.util.Map;

/**
 * What sandbox is wanted.
 *
 * @param template name or id
 * @param timeout how long it lives unless that is changed; whole seconds
 * @param env environment of all its processes and code
 * @param secure whether only the holder of its token may use it
 */
public record CreateOptions(
        String template,
        Duration timeout,
        Map<String, String> metadata,
        Map<String, String> env,
        boolean secure,
        boolean allowInternetAccess) {
    /** As E2B's code interpreter SDK: 300 s, secure. */
    public static final CreateOptions DEFAULT =
            new CreateOptions(E2b.CODE_TEMPLATE, Duration.ofMinutes(5), Map.of(), Map.of(), true, true);

    public CreateOptions {
        metadata = Map.copyOf(metadata);
        env = Map.copyOf(env);
        Seconds.of(timeout);
    }

    public CreateOptions withTemplate(String newTemplate) {
        return new CreateOptions(newTemplate, timeout, metadata, env, secure, allowInternetAccess);
    }

    public CreateOptions withTimeout(Duration newTimeout) {
        return new CreateOptions(template, newTimeout, metadata, env, secure, allowInternetAccess);
    }

    public CreateOptions withMetadata(Map<String, String> newMetadata) {
        return new CreateOptions(template, timeout, newMetadata, env, secure, allowInternetAccess);
    }

    public CreateOptions withEnv(Map<String, String> newEnv) {
        return new CreateOptions(template, timeout, metadata, newEnv, secure, allowInternetAccess);
    }

    public CreateOptions withoutInternetAccess() {
        return new CreateOptions(template, timeout, metadata, env, secure, false);
    }
}
