package io.athenic.e2b.server;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How the E2B API is served.
 *
 * @param host address to listen on; loopback unless the operator decides otherwise
 * @param port 0: any free one
 * @param apiKeys accepted values of {@code X-API-KEY}; at least one
 * @param domain base of host names (as {@code api.DOMAIN}, {@code PORT-ID.DOMAIN}); sent to clients if present
 * @param maxRequests requests in flight; one more is answered 429
 * @param maxConnections open connections; at the bound see {@link io.athenic.e2b.server.http.Door}
 * @param maxUploadBytes of one file, unpacked
 * @param maxTimeout longest life a request may ask for
 */
public record E2bServerConfig(
        String host,
        int port,
        List<String> apiKeys,
        Optional<String> domain,
        int maxRequests,
        int maxConnections,
        long maxUploadBytes,
        Duration maxTimeout) {
    public E2bServerConfig {
        apiKeys = List.copyOf(apiKeys);
        if (apiKeys.isEmpty() || apiKeys.stream().anyMatch(key -> key.length() < 8)) {
            throw new IllegalArgumentException("apiKeys: at least one, of 8 characters or more, is needed");
        }
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("port must be 0 to 65535: " + port);
        }
        if (maxRequests < 1 || maxConnections < 1 || maxUploadBytes < 1) {
            throw new IllegalArgumentException("maxRequests, maxConnections and maxUploadBytes must be positive");
        }
        if (maxTimeout.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new IllegalArgumentException("maxTimeout is below 1 s: " + maxTimeout);
        }
    }

    /** The defaults: 1,000 requests on 2,000 connections, files up to 4 GiB (a sandbox's disk is the tighter bound), 24 h. */
    public static E2bServerConfig of(String host, int port, String apiKey) {
        return new E2bServerConfig(
                host, port, List.of(apiKey), Optional.empty(), 1000, 2000, 4L << 30, Duration.ofHours(24));
    }

    /** Never prints the keys. */
    @Override
    public String toString() {
        return "E2bServerConfig[" + host + ":" + port + ", " + apiKeys.size() + " keys, domain " + domain.orElse("-")
                + "]";
    }
}
