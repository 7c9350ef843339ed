package io.athenic.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.product.Product;
import java.time.Duration;
import java.util.Set;

/** Waiting for executions by their state. */
final class Executions {
    private static final Set<String> ENDED = Set.of("completed", "error", "cancelled", "timeout");

    private Executions() {}

    static JsonNode awaitEnd(Http http, String id) {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (System.nanoTime() < end) {
            JsonNode state = http.get("/executions/" + id).expect(200).json();
            if (ENDED.contains(state.path("status").asText())) {
                return state;
            }
            Product.pause(25);
        }
        throw new AssertionError("execution " + id + " did not end: "
                + http.get("/executions/" + id).text());
    }
}
