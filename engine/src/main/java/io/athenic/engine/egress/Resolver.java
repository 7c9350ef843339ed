package io.athenic.engine.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;

/** Finds the addresses of a host name. */
@FunctionalInterface
public interface Resolver {
    /** The machine's own: hosts file, then name servers. */
    Resolver SYSTEM = host -> List.of(InetAddress.getAllByName(host));

    /** At least one address. Called with names in lower case, never with an address. */
    List<InetAddress> resolve(String host) throws UnknownHostException;
}
