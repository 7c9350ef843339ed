package io.athenic.e2b.server;

import io.athenic.e2b.protocol.MetadataFilter;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxState;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The query of a list of sandboxes.
 *
 * @param after the last sandbox of the page before
 */
record ListQuery(
        Map<String, String> metadata,
        Set<SandboxState> states,
        Optional<Instant> startedAfter,
        Optional<String> template,
        boolean ascending,
        int limit,
        Optional<Place> after) {
    private static final int MAX_LIMIT = 100;

    private static Place place(Sandbox sandbox) {
        return new Place(sandbox.startedAt(), sandbox.id());
    }

    record Page(List<Sandbox> sandboxes, Optional<String> next) {}

    /** @param runningOnly the first version of the list, without states and pages */
    static ListQuery of(Exchange exchange, boolean runningOnly) {
        try {
            return new ListQuery(
                    exchange.query("metadata").map(MetadataFilter::decode).orElse(Map.of()),
                    runningOnly
                            ? EnumSet.of(SandboxState.RUNNING)
                            : states(exchange.query("state").orElse(null)),
                    exchange.query("startedAfter").map(ListQuery::time),
                    exchange.query("template").filter(name -> !name.isEmpty()),
                    ascending(exchange.query("order").orElse("desc")),
                    runningOnly
                            ? Integer.MAX_VALUE
                            : limit(exchange.query("limit").orElse("100")),
                    exchange.query("nextToken")
                            .filter(token -> !token.isEmpty())
                            .map(Place::of));
        } catch (IllegalArgumentException e) {
            throw new HttpFailure(400, String.valueOf(e.getMessage()));
        }
    }

    private static Set<SandboxState> states(@Nullable String text) {
        if (text == null || text.isBlank()) {
            return EnumSet.of(SandboxState.RUNNING, SandboxState.PAUSED);
        }
        var states = EnumSet.noneOf(SandboxState.class);
        for (var name : text.split(",", 10)) {
            switch (name.strip()) {
                case "running" -> states.add(SandboxState.RUNNING);
                case "paused" -> states.add(SandboxState.PAUSED);
                default -> throw new HttpFailure(400, "state must be running, paused or both: running,paused");
            }
        }
        return states;
    }

    private static Instant time(String text) {
        try {
            return OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException e) {
            throw new HttpFailure(400, "startedAfter is not an RFC 3339 time");
        }
    }

    private static boolean ascending(String text) {
        return switch (text) {
            case "asc" -> true;
            case "desc", "" -> false;
            default -> throw new HttpFailure(400, "order must be asc or desc");
        };
    }

    private static int limit(String text) {
        try {
            var limit = Integer.parseInt(text);
            if (limit >= 1 && limit <= MAX_LIMIT) {
                return limit;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw new HttpFailure(400, "limit must be 1 to " + MAX_LIMIT);
    }

    Page page(Collection<Sandbox> all) {
        var order = ascending ? Place.ORDER : Place.ORDER.reversed();
        var found = all.stream()
                .filter(this::matches)
                .filter(sandbox -> after.isEmpty() || order.compare(place(sandbox), after.get()) > 0)
                .sorted(Comparator.comparing(ListQuery::place, order))
                .limit((long) limit + 1)
                .toList();
        if (found.size() <= limit) {
            return new Page(found, Optional.empty());
        }
        var page = found.subList(0, limit);
        return new Page(page, Optional.of(place(page.getLast()).token()));
    }

    private boolean matches(Sandbox sandbox) {
        return states.contains(sandbox.state())
                && sandbox.metadata().entrySet().containsAll(metadata.entrySet())
                && startedAfter
                        .filter(time -> !sandbox.startedAt().isAfter(time))
                        .isEmpty()
                && template.filter(name -> !sandbox.template().equals(name)).isEmpty();
    }
}
