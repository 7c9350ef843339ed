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
 * @param onTimeout what happens at the end of its time
 * @param autoResume whether a request to it while it is paused resumes it; only with {@link OnTimeout#PAUSE}
 * @param secure whether only the holder of its token may use it
 */
public record CreateOptions(
        String template,
        Duration timeout,
        Map<String, String> metadata,
        Map<String, String> env,
        boolean secure,
        boolean allowInternetAccess,
        OnTimeout onTimeout,
        boolean autoResume) {
    /** As E2B's code interpreter SDK: 300 s, secure. */
    public static final CreateOptions DEFAULT = new CreateOptions(
            E2b.CODE_TEMPLATE, Duration.ofMinutes(5), Map.of(), Map.of(), true, true, OnTimeout.KILL, false);

    /** At the end of a sandbox's time. */
    public enum OnTimeout {
        KILL,
        /** With its memory. */
        PAUSE,
        /** Its processes end, its files stay. */
        PAUSE_FILES
    }

    public CreateOptions {
        if (autoResume && onTimeout != OnTimeout.PAUSE) {
            throw new InvalidArgumentException("autoResume is possible only with onTimeout PAUSE");
        }
        metadata = Map.copyOf(metadata);
        env = Map.copyOf(env);
        Seconds.of(timeout);
    }

    public CreateOptions withTemplate(String newTemplate) {
        return new CreateOptions(
                newTemplate, timeout, metadata, env, secure, allowInternetAccess, onTimeout, autoResume);
    }

    public CreateOptions withTimeout(Duration newTimeout) {
        return new CreateOptions(
                template, newTimeout, metadata, env, secure, allowInternetAccess, onTimeout, autoResume);
    }

    public CreateOptions withMetadata(Map<String, String> newMetadata) {
        return new CreateOptions(
                template, timeout, newMetadata, env, secure, allowInternetAccess, onTimeout, autoResume);
    }

    public CreateOptions withEnv(Map<String, String> newEnv) {
        return new CreateOptions(
                template, timeout, metadata, newEnv, secure, allowInternetAccess, onTimeout, autoResume);
    }

    public CreateOptions withoutInternetAccess() {
        return new CreateOptions(template, timeout, metadata, env, secure, false, onTimeout, autoResume);
    }

    public CreateOptions withLifecycle(OnTimeout newOnTimeout, boolean newAutoResume) {
        return new CreateOptions(
                template, timeout, metadata, env, secure, allowInternetAccess, newOnTimeout, newAutoResume);
    }
}
