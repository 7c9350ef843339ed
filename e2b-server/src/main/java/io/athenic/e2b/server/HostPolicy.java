package io.athenic.e2b.server;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which host names this server answers to. A page of another site that lets its own name resolve to this machine (DNS
 * rebinding) is refused, because its name is not one of ours; an address cannot be rebound.
 */
final class HostPolicy {
    private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Pattern IPV6 = Pattern.compile("\\[[0-9a-f:.]+]");

    private final Optional<String> domain;

    HostPolicy(Optional<String> domain) {
        this.domain = domain.map(HostPolicy::name);
    }

    /** Whether the control plane may be called by this name. */
    boolean control(String host) {
        var name = name(host);
        return name.equals("localhost")
                || name.endsWith(".localhost")
                || IPV4.matcher(name).matches()
                || IPV6.matcher(name).matches()
                || domain.filter(own -> name.equals(own) || name.equals("api." + own))
                        .isPresent();
    }

    /** Whether sandboxes may be reached by this name, with routing headers or a signature. */
    boolean shared(String host) {
        return control(host) || name(host).startsWith("sandbox.");
    }

    /** Without the port. */
    private static String name(String host) {
        var text = host.strip().toLowerCase(Locale.ROOT);
        var colon = text.lastIndexOf(':');
        return colon > text.lastIndexOf(']') ? text.substring(0, colon) : text;
    }
}
