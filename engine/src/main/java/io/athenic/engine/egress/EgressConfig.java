package io.athenic.engine.egress;

import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * What the operator allows. No sandbox gets more than this.
 *
 * @param mode which sandboxes have network
 * @param builds whether the building of templates has network, whatever the mode
 * @param allow when not empty: the only destinations that anything reaches
 * @param deny destinations that nothing reaches; wins over every rule that allows
 * @param ports that may be connected to
 * @param exceptions addresses that are reached although they are private; one of this machine's own must be a single address with a port
 * @param certificates PEM of authorities that programs in sandboxes trust besides the usual ones; may be empty
 * @param connections of one sandbox at a time; one more waits
 * @param allConnections of all sandboxes together; one more is answered 503
 * @param head how long a program may take to send its request
 * @param connect how long connecting to one address may take
 * @param idle after so long without a byte a connection is closed
 */
public record EgressConfig(
        Mode mode,
        boolean builds,
        List<Rule> allow,
        List<Rule> deny,
        Set<Integer> ports,
        List<Rule> exceptions,
        String certificates,
        int connections,
        int allConnections,
        Duration head,
        Duration connect,
        Duration idle) {
    /** Which sandboxes have network. */
    public enum Mode {
        /** None. */
        OFF,
        /** Those that name the destinations they want to reach, and these only. */
        ON_REQUEST,
        /** All that do not decline. */
        ON
    }

    /** Sandboxes have no network; templates are built with network. */
    public static final EgressConfig DEFAULT = of(Mode.OFF);

    public EgressConfig {
        allow = List.copyOf(allow);
        deny = List.copyOf(deny);
        ports = Set.copyOf(ports);
        exceptions = List.copyOf(exceptions);
        for (Rule rule : exceptions) {
            if (!(rule instanceof Rule.Block)) {
                throw new EgressException(
                        "'" + rule.text() + "' is no exception: an address or a block such as 10.1.2.0/24 is wanted");
            }
        }
        if (connections < 1 || allConnections < 1) {
            throw new EgressException("at least one connection must be allowed");
        }
        // The guest's frame that carries it holds 1 MiB.
        if (certificates.length() > 500 << 10) {
            throw new EgressException("the certificates are larger than 500 KiB: " + certificates.length());
        }
    }

    public static EgressConfig of(Mode mode) {
        return new EgressConfig(
                mode,
                true,
                List.of(),
                List.of(),
                Set.of(80, 443),
                List.of(),
                "",
                64,
                1000,
                Duration.ofSeconds(30),
                Duration.ofSeconds(10),
                Duration.ofMinutes(5));
    }

    /** With other rules of the operator's. */
    public EgressConfig withRules(List<Rule> newAllow, List<Rule> newDeny, Set<Integer> newPorts, List<Rule> except) {
        return new EgressConfig(
                mode,
                builds,
                newAllow,
                newDeny,
                newPorts,
                except,
                certificates,
                connections,
                allConnections,
                head,
                connect,
                idle);
    }

    public EgressConfig withBuilds(boolean newBuilds) {
        return new EgressConfig(
                mode,
                newBuilds,
                allow,
                deny,
                ports,
                exceptions,
                certificates,
                connections,
                allConnections,
                head,
                connect,
                idle);
    }

    public EgressConfig withCertificates(String pem) {
        return new EgressConfig(
                mode, builds, allow, deny, ports, exceptions, pem, connections, allConnections, head, connect, idle);
    }

    public EgressConfig withBounds(int newConnections, int newAllConnections, Duration newIdle) {
        return new EgressConfig(
                mode,
                builds,
                allow,
                deny,
                ports,
                exceptions,
                certificates,
                newConnections,
                newAllConnections,
                head,
                connect,
                newIdle);
    }
}
