package io.athenic.engine.egress;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Says which addresses no sandbox reaches, whatever any policy allows: only the operator's exceptions do. */
final class AddressGuard {
    private record Never(Cidr block, String is) {}

    // IANA's registries of special-purpose addresses. Not here: the blocks for documentation (192.0.2.0/24,
    // 198.51.100.0/24,
    // 203.0.113.0/24), which closed networks use for their mirrors.
    private static final List<Never> V4 = List.of(
            never("0.0.0.0/8", "of this network"),
            never("10.0.0.0/8", "private"),
            never("100.64.0.0/10", "shared by a carrier"),
            never("127.0.0.0/8", "loopback"),
            never("168.63.129.16", "a cloud's metadata service"),
            never("169.254.0.0/16", "link-local, where clouds keep their metadata"),
            never("172.16.0.0/12", "private"),
            never("192.0.0.0/24", "reserved"),
            never("192.88.99.0/24", "a 6to4 relay"),
            never("192.168.0.0/16", "private"),
            never("198.18.0.0/15", "for benchmarks of networks"),
            never("224.0.0.0/4", "multicast"),
            never("240.0.0.0/4", "reserved or broadcast"));

    /** Of IPv6 only what is global unicast passes, less that which stands for IPv4 addresses or special uses. */
    private static final Cidr V6_GLOBAL = Cidr.parse("2000::/3");

    private static final List<Never> V6 = List.of(
            never("2001::/23", "reserved (Teredo, ORCHID)"),
            never("2002::/16", "a 6to4 address"),
            never("2620:4f:8000::/48", "reserved"));

    private static final long LOOK_NANOS = 10_000_000_000L;

    private final List<Rule.Block> exceptions;
    private final Supplier<Set<InetAddress>> own;

    /** @param own the addresses of this machine's interfaces */
    AddressGuard(List<Rule> exceptions, Supplier<Set<InetAddress>> own) {
        this.exceptions = exceptions.stream().map(Rule.Block.class::cast).toList();
        this.own = own;
    }

    private static Never never(String block, String is) {
        return new Never(Cidr.parse(block), is);
    }

    /** Why the address is not reached; empty when it is. */
    Optional<String> refusal(InetAddress address, int port) {
        if (address.isLoopbackAddress()
                || address.isAnyLocalAddress()
                || own.get().contains(address)) {
            return named(address, port)
                    ? Optional.empty()
                    : Optional.of("it leads to the machine of the sandboxes itself");
        }
        Optional<String> special = special(address);
        if (special.isPresent()
                && exceptions.stream().anyMatch(rule -> rule.cidr().contains(address) && rule.coversPort(port))) {
            return Optional.empty();
        }
        return special;
    }

    /** Whether an exception names exactly this address and this port. */
    boolean named(InetAddress address, int port) {
        return exceptions.stream()
                .anyMatch(rule -> rule.cidr().single()
                        && rule.cidr().contains(address)
                        && rule.port().isPresent()
                        && rule.coversPort(port));
    }

    /** Whether an exception is about this port: then the operator has allowed it besides the usual ones. */
    boolean namesPort(InetAddress address, int port) {
        return exceptions.stream()
                .anyMatch(rule -> rule.cidr().contains(address) && rule.port().isPresent() && rule.coversPort(port));
    }

    private static Optional<String> special(InetAddress address) {
        boolean six = address instanceof Inet6Address;
        if (six && !V6_GLOBAL.contains(address)) {
            return Optional.of("its address is not a public one of IPv6");
        }
        return (six ? V6 : V4)
                .stream()
                        .filter(never -> never.block().contains(address))
                        .findFirst()
                        .map(never -> "its address is " + never.is());
    }

    /** The addresses of this machine, looked up again after ten seconds. */
    static Supplier<Set<InetAddress>> interfaces() {
        record Seen(long at, Set<InetAddress> addresses) {}
        AtomicReference<Seen> last = new AtomicReference<>(new Seen(System.nanoTime() - 2 * LOOK_NANOS, Set.of()));
        return () -> {
            Seen seen = last.get();
            if (System.nanoTime() - seen.at() > LOOK_NANOS) {
                seen = new Seen(System.nanoTime(), look());
                last.set(seen);
            }
            return seen.addresses();
        };
    }

    private static Set<InetAddress> look() {
        try {
            return NetworkInterface.networkInterfaces()
                    .flatMap(NetworkInterface::inetAddresses)
                    .map(AddressGuard::withoutZone)
                    .collect(Collectors.toUnmodifiableSet());
        } catch (SocketException e) {
            throw new java.io.UncheckedIOException("the machine's own addresses cannot be listed", e);
        }
    }

    private static InetAddress withoutZone(InetAddress address) {
        try {
            return InetAddress.getByAddress(address.getAddress());
        } catch (java.net.UnknownHostException e) {
            throw new IllegalStateException(e); // its length is right: it was an address
        }
    }
}
