package io.athenic.e2b.protocol;

import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A port of a sandbox, as named by a request's host name ({@code PORT-ID.domain}) or by E2B's routing headers. */
public record SandboxRoute(String sandboxId, int port) {
    private static final Pattern HOST = Pattern.compile("(\\d{1,5})-([a-z0-9]{1,32})\\..+");
    private static final Pattern ID = Pattern.compile("[a-z0-9]{1,32}");

    /** Whether a text has the shape of a sandbox's id: host names split at {@code -}, so it has none. */
    public static boolean isSandboxId(String text) {
        return ID.matcher(text).matches();
    }

    /** The route in a host name (with or without a port of its own). */
    public static Optional<SandboxRoute> ofHost(String host) {
        var match = HOST.matcher(host);
        if (!match.matches()) {
            return Optional.empty();
        }
        return port(match.group(1)).map(port -> new SandboxRoute(match.group(2), port));
    }

    /**
     * The host name decides where it has the form; else the headers; none of them: the request is for the control plane.
     *
     * @throws IllegalArgumentException headers that name no valid sandbox or port
     */
    public static Optional<SandboxRoute> of(
            String host, @Nullable String sandboxIdHeader, @Nullable String portHeader) {
        var byHost = ofHost(host);
        if (byHost.isPresent() || sandboxIdHeader == null) {
            return byHost;
        }
        if (!isSandboxId(sandboxIdHeader)) {
            throw new IllegalArgumentException(E2b.HEADER_SANDBOX_ID + " is not the id of a sandbox");
        }
        if (portHeader == null) {
            return Optional.of(new SandboxRoute(sandboxIdHeader, E2b.ENVD_PORT));
        }
        return Optional.of(port(portHeader)
                .map(port -> new SandboxRoute(sandboxIdHeader, port))
                .orElseThrow(
                        () -> new IllegalArgumentException(E2b.HEADER_SANDBOX_PORT + " is not a port (1..65535)")));
    }

    private static Optional<Integer> port(String text) {
        if (text.isEmpty() || text.length() > 5 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Optional.empty();
        }
        var port = Integer.parseInt(text);
        return port >= 1 && port <= 65535 ? Optional.of(port) : Optional.empty();
    }
}
