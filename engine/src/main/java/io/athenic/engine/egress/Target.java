package io.athenic.engine.egress;

import java.net.InetAddress;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Where a request wants to go.
 *
 * @param host a name in lower case without the last dot, or an address in its usual notation
 * @param literal the address, when no name was given
 */
record Target(String host, Optional<InetAddress> literal, int port) {
    private static final Pattern NAME = Pattern.compile(
            "(?!.{254})[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?" + "(\\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*");

    /** A last label that some program would read as a number: 127.1, 0x7f000001, 2130706433. */
    private static final Pattern NUMBER = Pattern.compile("(.*\\.)?(0x[0-9a-f]*|[0-9]+)");

    /** A host name in its one form; empty for anything else, addresses in unusual notations included. */
    static Optional<String> name(String text) {
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        return NAME.matcher(name).matches() && !NUMBER.matcher(name).matches() ? Optional.of(name) : Optional.empty();
    }

    /** Reads {@code host[:port]}; {@code standardPort} 0: the port must be there. */
    static Target parse(String authority, int standardPort) throws Refusal {
        String text = authority.toLowerCase(Locale.ROOT);
        int end = text.startsWith("[") ? text.indexOf(']') + 1 : text.indexOf(':');
        if (text.startsWith("[") && end == 0) {
            throw Refusal.malformed("the address has no closing bracket");
        }
        String place = end < 0 ? text : text.substring(0, end);
        String rest = end < 0 ? "" : text.substring(end);
        int port = standardPort;
        if (!rest.isEmpty() || standardPort == 0) {
            if (!rest.matches(":\\d{1,5}")) {
                throw Refusal.malformed("the request names no port: HOST:PORT is wanted");
            }
            port = Integer.parseInt(rest.substring(1));
            if (port < 1 || port > 65_535) {
                throw Refusal.malformed("the port must be 1 to 65535");
            }
        }
        boolean brackets = place.startsWith("[");
        Optional<InetAddress> literal = Cidr.literal(brackets ? place.substring(1, place.length() - 1) : place);
        if (literal.isPresent() && brackets == place.indexOf(':') >= 0) {
            return new Target(literal.get().getHostAddress(), literal, port);
        }
        if (brackets) {
            throw Refusal.malformed("what is in the brackets is no IPv6 address");
        }
        String name = name(place)
                .orElseThrow(
                        () -> Refusal.malformed("the host is neither a name nor an address in its usual notation"));
        return new Target(name, Optional.empty(), port);
    }

    /** {@code host:port}, the port left out where it is the standard one. */
    String authority(int standardPort) {
        String place = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
        return port == standardPort ? place : place + ":" + port;
    }
}
