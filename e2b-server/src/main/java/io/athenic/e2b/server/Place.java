package io.athenic.e2b.server;

import io.athenic.e2b.server.http.HttpFailure;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Base64;
import java.util.Comparator;

/** A place in a list that is served in pages, oldest first. */
record Place(Instant at, String id) {
    static final Comparator<Place> ORDER = Comparator.comparing(Place::at).thenComparing(Place::id);

    /** What a client sends back to get the next page. */
    String token() {
        return Base64.getUrlEncoder().withoutPadding().encodeToString((at + " " + id).getBytes(StandardCharsets.UTF_8));
    }

    /** @throws HttpFailure 400 */
    static Place of(String token) {
        try {
            var text = new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8);
            var space = text.indexOf(' ');
            return new Place(Instant.parse(text.substring(0, Math.max(0, space))), text.substring(space + 1));
        } catch (IllegalArgumentException | DateTimeException e) {
            throw new HttpFailure(400, "nextToken is not one of ours");
        }
    }
}
