package io.athenic.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EdgeGuardTest {
    private final EdgeGuard guard = new EdgeGuard("");

    @ParameterizedTest
    @ValueSource(strings = {"localhost:4000", "127.0.0.1:4000", "[::1]:4000", "LOCALHOST:4000", "127.0.0.1"})
    void ownHostsPass(String host) {
        assertThat(guard.check(host, null)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "evil.example:4000",
                "127.0.0.1.evil.example",
                "localhost.evil.example:4000",
                "[::2]:4000",
                "",
                "169.254.169.254"
            })
    void foreignHostsAreRefused(String host) {
        assertThat(guard.check(host, null)).map(EdgeGuard.Refusal::code).contains("forbidden_host");
    }

    @Test
    void missingHostIsRefused() {
        assertThat(guard.check(null, null)).isPresent();
    }

    @ParameterizedTest
    @CsvSource({
        "localhost:4000, http://localhost:4000",
        "localhost:4000, http://127.0.0.1:4000",
        "127.0.0.1:4000, http://localhost:4000",
        "[::1]:4000, http://localhost:4000",
    })
    void ownOriginsPass(String host, String origin) {
        assertThat(guard.check(host, origin)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "localhost:4000, https://evil.example",
        "localhost:4000, http://localhost:3000",
        "localhost:4000, http://localhost:40001",
        "localhost:4000, null",
        "localhost:4000, http://localhost:4000.evil.example",
        "localhost:4000, file://",
    })
    void foreignOriginsAreRefused(String host, String origin) {
        assertThat(guard.check(host, origin)).map(EdgeGuard.Refusal::code).contains("forbidden_origin");
    }

    @Test
    void theConfiguredPublicHostIsOurs() {
        var open = new EdgeGuard("wss://chat.example.org");

        assertThat(open.check("chat.example.org", "https://chat.example.org")).isEmpty();
        assertThat(open.check("chat.example.org", "https://other.example.org")).isPresent();
    }
}
