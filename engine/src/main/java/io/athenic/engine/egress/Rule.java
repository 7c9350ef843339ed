package io.athenic.engine.egress;

import java.net.IDN;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Destinations that a policy names: {@code example.com}, {@code *.example.com}, {@code 192.0.2.0/24}, {@code *}, each with or without {@code :PORT}. */
public sealed interface Rule {
    /** The port that it is about; empty: every port. */
    OptionalInt port();

    /** The rule as it was written, in its normal form. */
    String text();

    /** One host, or ({@code below}) all hosts below a domain and not the domain itself. */
    record Domain(String name, boolean below, OptionalInt port, String text) implements Rule {
        boolean covers(String host) {
            return below ? host.endsWith("." + name) : host.equals(name);
        }
    }

    /** Addresses. */
    record Block(Cidr cidr, OptionalInt port, String text) implements Rule {}

    /** Everything. */
    record All(OptionalInt port, String text) implements Rule {}

    default boolean coversPort(int wanted) {
        return port().isEmpty() || port().getAsInt() == wanted;
    }

    /** Whether it is about this destination; {@code address} null: only the name is known yet. */
    default boolean matches(String host, @Nullable InetAddress address, int wanted) {
        if (!coversPort(wanted)) {
            return false;
        }
        return switch (this) {
            case All _ -> true;
            case Domain domain -> domain.covers(host);
            case Block block -> address != null && block.cidr().contains(address);
        };
    }

    /** Reads a rule; an {@link EgressException} says what is wrong. */
    static Rule parse(String written) {
        String text = written.strip().toLowerCase(Locale.ROOT);
        if (text.isEmpty() || text.length() > 300) {
            throw wrong(written);
        }
        String place = text;
        OptionalInt port = OptionalInt.empty();
        int end = text.startsWith("[") ? text.indexOf(']') : -1;
        if (text.startsWith("[")) {
            if (end < 0) {
                throw wrong(written);
            }
            place = text.substring(1, end);
        }
        int colon = text.indexOf(':', Math.max(end, 0));
        if (colon >= 0 && (end >= 0 || colon == text.lastIndexOf(':'))) {
            port = OptionalInt.of(readPort(text.substring(colon + 1), written));
            place = end >= 0 ? place : text.substring(0, colon);
        } else if (end >= 0 && end != text.length() - 1) {
            throw wrong(written);
        }
        if (place.equals("*") || place.equals("0.0.0.0/0") || place.equals("::/0")) {
            return new All(port, text);
        }
        Optional<InetAddress> literal = Cidr.literal(place);
        if (literal.isPresent() || place.indexOf('/') >= 0) {
            return new Block(Cidr.parse(place), port, text);
        }
        boolean below = place.startsWith("*.");
        return new Domain(domain(below ? place.substring(2) : place, written), below, port, text);
    }

    private static int readPort(String digits, String written) {
        if (!digits.matches("\\d{1,5}") || Integer.parseInt(digits) < 1 || Integer.parseInt(digits) > 65_535) {
            throw wrong(written);
        }
        return Integer.parseInt(digits);
    }

    private static String domain(String name, String written) {
        try {
            String ascii = IDN.toASCII(name, IDN.ALLOW_UNASSIGNED).toLowerCase(Locale.ROOT);
            return Target.name(ascii).orElseThrow(() -> wrong(written));
        } catch (IllegalArgumentException _) {
            throw wrong(written);
        }
    }

    private static EgressException wrong(String written) {
        String shown = written.length() > 100 ? written.substring(0, 100) : written;
        return new EgressException(
                "'" + shown + "' is not a network rule: example.com, *.example.com, 192.0.2.0/24 or one of them with"
                        + " :PORT is wanted");
    }

    /** Reads rules that are separated by commas or spaces. */
    static List<Rule> parseAll(String text) {
        return Arrays.stream(text.split("[,\\s]+"))
                .filter(part -> !part.isEmpty())
                .map(Rule::parse)
                .toList();
    }
}
