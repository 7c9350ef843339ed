package io.athenic.e2b.server;

import io.athenic.e2b.server.http.HttpFailure;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/** Addresses that files for a template's build are sent to: each for one archive, good for an hour. They need no API key. */
final class UploadLinks {
    static final String PATH = "/template-files/";

    private static final int MAX_LINKS = 1000;
    private static final Duration LIFE = Duration.ofHours(1);

    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, Link> links = new LinkedHashMap<>();

    private record Link(String hash, Instant end) {}

    UploadLinks(InstantSource clock) {
        this.clock = clock;
    }

    synchronized String make(String hash) {
        var now = clock.instant();
        links.values().removeIf(link -> link.end().isBefore(now));
        if (links.size() >= MAX_LINKS) {
            throw new HttpFailure(429, "too many files wait to be sent: try again later");
        }
        var bytes = new byte[24];
        random.nextBytes(bytes);
        var token = HexFormat.of().formatHex(bytes);
        links.put(token, new Link(hash, now.plus(LIFE)));
        return PATH + token;
    }

    /** The hash that the archive is known by. */
    synchronized String take(String path) {
        var link = links.remove(path.substring(PATH.length()));
        if (link == null || link.end().isBefore(clock.instant())) {
            throw new HttpFailure(403, "this address for files is not valid any more: ask for another");
        }
        return link.hash();
    }
}
