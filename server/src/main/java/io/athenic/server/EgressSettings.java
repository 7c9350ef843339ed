package io.athenic.server;

import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.egress.EgressConfig.Mode;
import io.athenic.engine.egress.EgressException;
import io.athenic.engine.egress.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The settings {@code egress…}: which sandboxes reach what outside. */
final class EgressSettings {
    /** Where Debian keeps the certificate authorities that the machine's owner has added. */
    private static final Path LOCAL_AUTHORITIES = Path.of("/usr/local/share/ca-certificates");

    /** Property name to environment name. */
    static final Map<String, String> KEYS = keys();

    private EgressSettings() {}

    private static Map<String, String> keys() {
        var keys = new LinkedHashMap<String, String>();
        keys.put("egress", "ATHENIC_EGRESS");
        keys.put("egress.builds", "ATHENIC_EGRESS_BUILDS");
        keys.put("egress.allow", "ATHENIC_EGRESS_ALLOW");
        keys.put("egress.deny", "ATHENIC_EGRESS_DENY");
        keys.put("egress.ports", "ATHENIC_EGRESS_PORTS");
        keys.put("egress.exceptions", "ATHENIC_EGRESS_EXCEPTIONS");
        keys.put("egress.certificates", "ATHENIC_EGRESS_CERTIFICATES");
        return keys;
    }

    /** @throws IllegalArgumentException a value is wrong; the message says what to write */
    static EgressConfig of(Map<String, String> values) {
        var standard = EgressConfig.DEFAULT;
        try {
            return EgressConfig.of(mode(values.getOrDefault("egress", "off")))
                    .withBuilds(onOff(values.getOrDefault("egress.builds", "on")))
                    .withRules(
                            rules(values, "egress.allow"),
                            rules(values, "egress.deny"),
                            ports(values.getOrDefault("egress.ports", "80,443")),
                            rules(values, "egress.exceptions"))
                    .withCertificates(
                            values.containsKey("egress.certificates")
                                    ? file(values.get("egress.certificates"))
                                    : localAuthorities(LOCAL_AUTHORITIES, standard.certificates()));
        } catch (EgressException e) {
            throw new IllegalArgumentException("egress: " + e.getMessage(), e);
        }
    }

    private static Mode mode(String text) {
        return switch (text) {
            case "off" -> Mode.OFF;
            case "on-request" -> Mode.ON_REQUEST;
            case "on" -> Mode.ON;
            default -> throw new IllegalArgumentException("egress is " + text + ": off, on-request or on is wanted");
        };
    }

    private static boolean onOff(String text) {
        return switch (text) {
            case "on" -> true;
            case "off" -> false;
            default -> throw new IllegalArgumentException("egress.builds is " + text + ": on or off is wanted");
        };
    }

    private static List<Rule> rules(Map<String, String> values, String key) {
        try {
            return Rule.parseAll(values.getOrDefault(key, ""));
        } catch (EgressException e) {
            throw new IllegalArgumentException(key + ": " + e.getMessage(), e);
        }
    }

    private static Set<Integer> ports(String text) {
        var ports = new TreeSet<Integer>();
        for (String part : text.split("[,\\s]+", -1)) {
            if (!part.matches("\\d{1,5}") || Integer.parseInt(part) < 1 || Integer.parseInt(part) > 65_535) {
                throw new IllegalArgumentException(
                        "egress.ports is " + text + ": port numbers with commas between them are wanted");
            }
            ports.add(Integer.parseInt(part));
        }
        return ports;
    }

    private static String file(String name) {
        if (name.equals("none")) {
            return "";
        }
        try {
            return Files.readString(Path.of(name));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "egress.certificates is " + name + ": a readable PEM file, or none, is wanted", e);
        }
    }

    /** What the machine trusts besides the usual authorities, programs in its sandboxes trust as well. */
    static String localAuthorities(Path folder, String otherwise) {
        if (!Files.isReadable(folder)) {
            return otherwise;
        }
        try (Stream<Path> all = Files.walk(folder, 3)) {
            return all.filter(path -> path.toString().endsWith(".crt") && Files.isReadable(path))
                    .sorted()
                    .map(EgressSettings::readQuietly)
                    .collect(Collectors.joining());
        } catch (IOException | UncheckedIOException e) {
            return otherwise;
        }
    }

    private static String readQuietly(Path path) {
        try {
            return Files.readString(path).strip() + "\n";
        } catch (IOException e) {
            return ""; // no PEM file, or gone
        }
    }

    static Map<String, String> printable(EgressConfig config) {
        var lines = new LinkedHashMap<String, String>();
        Function<List<Rule>, String> text =
                rules -> rules.stream().map(Rule::text).collect(Collectors.joining(","));
        lines.put("egress", config.mode().name().toLowerCase(Locale.ROOT).replace('_', '-'));
        lines.put("egress.builds", config.builds() ? "on" : "off");
        lines.put("egress.allow", config.allow().isEmpty() ? "(everything public)" : text.apply(config.allow()));
        lines.put("egress.deny", text.apply(config.deny()));
        lines.put(
                "egress.ports",
                config.ports().stream().sorted().map(String::valueOf).collect(Collectors.joining(",")));
        lines.put("egress.exceptions", text.apply(config.exceptions()));
        lines.put(
                "egress.certificates",
                Arrays.stream(config.certificates().split("-----BEGIN CERTIFICATE-----", -1))
                                .count() - 1 + " added");
        return lines;
    }
}
