package io.athenic.engine.egress;

import java.util.List;

/**
 * What the maker of a sandbox wants of the network, in E2B's terms; what it gets is decided with {@link EgressConfig}.
 *
 * @param internet false: everything is denied that {@code allowOut} does not name
 * @param allowOut destinations that are allowed whatever {@code denyOut} says
 * @param denyOut addresses and blocks
 * @param publicTraffic whether its ports are reached without a token of its own
 * @param build a sandbox in which a template is built: it has network also where other sandboxes have none
 */
public record NetworkWish(
        boolean internet, List<String> allowOut, List<String> denyOut, boolean publicTraffic, boolean build) {
    /** As much as the server gives by default. */
    public static final NetworkWish INTERNET = new NetworkWish(true, List.of(), List.of(), true, false);

    public static final NetworkWish NONE = new NetworkWish(false, List.of(), List.of(), true, false);

    /** For the building of templates. */
    public static final NetworkWish BUILD = new NetworkWish(true, List.of(), List.of(), true, true);

    private static final int MAX_RULES = 512;

    public NetworkWish {
        allowOut = List.copyOf(allowOut);
        denyOut = List.copyOf(denyOut);
        if (allowOut.size() + denyOut.size() > MAX_RULES) {
            throw new EgressException("a sandbox has at most " + MAX_RULES + " network rules");
        }
        List<Rule> allow = allowOut.stream().map(Rule::parse).toList();
        List<Rule> deny = denyOut.stream().map(Rule::parse).toList();
        deny.stream().filter(Rule.Domain.class::isInstance).findFirst().ifPresent(rule -> {
            throw new EgressException(
                    "denyOut takes addresses and blocks such as 192.0.2.0/24, not '" + rule.text() + "'");
        });
        boolean allDenied = !internet || deny.stream().anyMatch(NetworkWish::everything);
        if (!allDenied && allow.stream().anyMatch(Rule.Domain.class::isInstance)) {
            throw new EgressException(
                    "allowOut names domains: denyOut must hold 0.0.0.0/0 (all traffic), or nothing is restricted");
        }
    }

    private static boolean everything(Rule rule) {
        return rule instanceof Rule.All && rule.port().isEmpty();
    }

    /** Whether it names destinations that it wants to reach. */
    public boolean explicit() {
        return !allowOut.isEmpty();
    }

    /** What it means where nothing else is decided. */
    NetworkPolicy policy(boolean internetByDefault) {
        List<Rule> allow = allowOut.stream().map(Rule::parse).toList();
        List<Rule> deny = denyOut.stream().map(Rule::parse).toList();
        boolean otherwise = internetByDefault && internet && deny.stream().noneMatch(NetworkWish::everything);
        return new NetworkPolicy(allow, otherwise ? deny : List.of(), otherwise);
    }
}
