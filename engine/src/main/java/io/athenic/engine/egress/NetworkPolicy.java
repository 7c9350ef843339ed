package io.athenic.engine.egress;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * What a sandbox may reach, within what the operator allows. A rule that allows wins over one that denies, as in E2B's API.
 *
 * @param otherwise whether that is allowed of which no rule speaks
 */
public record NetworkPolicy(List<Rule> allow, List<Rule> deny, boolean otherwise) {
    /** No network. */
    public static final NetworkPolicy NONE = new NetworkPolicy(List.of(), List.of(), false);

    public NetworkPolicy {
        allow = List.copyOf(allow);
        deny = List.copyOf(deny);
    }

    /** Whether it lets anything through. */
    public boolean anything() {
        return otherwise || !allow.isEmpty();
    }

    /** Whether the answer depends on more than the name, or is yes: only then is the name given to a name server. */
    boolean worthResolving(String host, int port) {
        return otherwise
                || allow.stream().anyMatch(rule -> rule instanceof Rule.Block && rule.coversPort(port))
                || allow.stream().anyMatch(rule -> rule.matches(host, null, port));
    }

    /** Why the destination is denied; empty when it is allowed. */
    Optional<String> refusal(String host, InetAddress address, int port) {
        if (allow.stream().anyMatch(rule -> rule.matches(host, address, port))) {
            return Optional.empty();
        }
        if (!otherwise) {
            return Optional.of(
                    anything()
                            ? "it is not among the destinations that this sandbox may reach"
                            : "this sandbox has no network");
        }
        return deny.stream()
                .filter(rule -> rule.matches(host, address, port))
                .findFirst()
                .map(rule -> "the sandbox's rules deny " + rule.text());
    }
}
