package io.athenic.engine.egress;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Optional;
import java.util.regex.Pattern;

/** A block of addresses such as 10.0.0.0/8; one address is a block too. */
record Cidr(InetAddress base, int bits) {
    private static final String BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final Pattern V4 = Pattern.compile(BYTE + "(\\." + BYTE + "){3}");
    private static final Pattern V6 = Pattern.compile("[0-9a-fA-F:.]{2,45}");

    /** An address in the one usual notation: four decimal numbers, or IPv6 without a zone. Never asks a name server. */
    static Optional<InetAddress> literal(String text) {
        if (V4.matcher(text).matches()) {
            return Optional.of(Inet4Address.ofLiteral(text));
        }
        if (text.indexOf(':') >= 0 && V6.matcher(text).matches()) {
            try {
                return Optional.of(Inet6Address.ofLiteral(text));
            } catch (IllegalArgumentException _) {
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    /** Reads {@code 10.0.0.0/8} or a single address. */
    static Cidr parse(String text) {
        int slash = text.indexOf('/');
        InetAddress base = literal(slash < 0 ? text : text.substring(0, slash)).orElseThrow(() -> wrong(text));
        int most = base.getAddress().length * 8;
        if (slash < 0) {
            return new Cidr(base, most);
        }
        String length = text.substring(slash + 1);
        if (!length.matches("\\d{1,3}") || Integer.parseInt(length) > most) {
            throw wrong(text);
        }
        return new Cidr(base, Integer.parseInt(length));
    }

    private static EgressException wrong(String text) {
        return new EgressException("'" + text + "' is not an address or a block such as 10.0.0.0/8");
    }

    boolean contains(InetAddress address) {
        byte[] mine = base.getAddress();
        byte[] other = address.getAddress();
        if (mine.length != other.length) {
            return false;
        }
        for (int bit = 0; bit < bits; bit += 8) {
            int mask = bits - bit >= 8 ? 0xff : 0xff << (8 - (bits - bit)) & 0xff;
            if ((mine[bit / 8] & mask) != (other[bit / 8] & mask)) {
                return false;
            }
        }
        return true;
    }

    /** Whether it is one address and no more. */
    boolean single() {
        return bits == base.getAddress().length * 8;
    }

    @Override
    public String toString() {
        return base.getHostAddress() + (single() ? "" : "/" + bits);
    }
}
