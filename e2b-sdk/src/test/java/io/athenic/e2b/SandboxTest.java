package io.athenic.e2b;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.protocol.ListedSandbox;
import io.athenic.e2b.testing.FakeE2b;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SandboxTest {
    private FakeE2b e2b;
    private E2bClient client;

    @BeforeEach
    void start() {
        e2b = FakeE2b.start();
        client = new E2bClient(E2bOptions.of(FakeE2b.KEY, e2b.url()));
    }

    @AfterEach
    void stop() {
        client.close();
        e2b.close();
    }

    @Test
    void livesFromCreateToKill() {
        Sandbox sandbox = client.create(CreateOptions.DEFAULT.withMetadata(Map.of("owner", "me")));

        assertThat(sandbox.isRunning()).isTrue();
        assertThat(sandbox.getInfo().metadata()).containsEntry("owner", "me");
        assertThat(client.list()).extracting(ListedSandbox::sandboxId).containsExactly(sandbox.id());
        assertThat(sandbox.kill()).isTrue();
        assertThat(sandbox.isRunning()).isFalse();
        assertThat(sandbox.kill()).isFalse();
        assertThat(client.list()).isEmpty();
    }

    @Test
    void connectNeverShortensAndSetTimeoutDoes() {
        Sandbox sandbox = client.create(CreateOptions.DEFAULT.withTimeout(Duration.ofHours(1)));
        Instant end = e2b.sandbox(sandbox.id()).endAt();

        Sandbox same = client.connect(sandbox.id(), Duration.ofSeconds(10));
        assertThat(e2b.sandbox(same.id()).endAt()).isEqualTo(end);
        same.setTimeout(Duration.ofSeconds(10));
        assertThat(e2b.sandbox(same.id()).endAt()).isBefore(end);
    }

    @Test
    void closingASandboxKillsIt() {
        try (Sandbox sandbox = client.create()) {
            assertThat(sandbox.isRunning()).isTrue();
        }

        assertThat(e2b.sandboxes()).isEmpty();
    }

    @Test
    void listFollowsThePages() {
        e2b.setPageSize(2);
        for (int i = 0; i < 5; i++) {
            client.create();
        }

        assertThat(client.list()).hasSize(5);
    }

    @Test
    void refusalsAreTyped() {
        assertThatThrownBy(() -> client.connect("i404")).isInstanceOf(SandboxNotFoundException.class);
        e2b.failNext(429, "too many sandboxes");
        assertThatThrownBy(() -> client.create())
                .isInstanceOf(RateLimitException.class)
                .hasMessage("too many sandboxes");
        e2b.failNext(400, "no such template");
        assertThatThrownBy(() -> client.create()).isInstanceOf(InvalidArgumentException.class);
        e2b.failNext(500, "our fault");
        assertThatThrownBy(() -> client.create())
                .isExactlyInstanceOf(SandboxException.class)
                .hasMessage("500: our fault");
        try (var stranger = new E2bClient(E2bOptions.of("e2b_wrong", e2b.url()))) {
            assertThatThrownBy(stranger::list).isInstanceOf(AuthenticationException.class);
        }
    }

    @Test
    void failedCreatesAreNotRepeated() {
        e2b.failNext(503, "busy");

        assertThatThrownBy(() -> client.create()).isInstanceOf(SandboxException.class);

        assertThat(e2b.requests()).containsExactly("POST /sandboxes");
    }

    @Test
    void anAbsentServerIsSaidSo() {
        try (var lost = new E2bClient(E2bOptions.of("key", "http://127.0.0.1:1"))) {
            assertThatThrownBy(lost::list)
                    .isInstanceOf(SandboxException.class)
                    .hasMessageContaining("is the server up?");
        }
    }

    @Test
    void optionsComeFromTheEnvironment() {
        var cloud = E2bOptions.fromEnv(Map.of("E2B_API_KEY", "k", "E2B_DOMAIN", "example.org"));
        assertThat(cloud.apiUrl()).hasToString("https://api.example.org");
        assertThat(cloud.sandboxUrl()).isNull();
        var local = E2bOptions.fromEnv(
                Map.of("E2B_API_KEY", "k", "E2B_API_URL", "http://h:1/", "E2B_SANDBOX_URL", "http://h:1"));
        assertThat(local.apiUrl()).hasToString("http://h:1");
        assertThat(local.sandboxUrl()).hasToString("http://h:1");
        assertThat(local.toString()).doesNotContain("apiKey");
        assertThatThrownBy(() -> E2bOptions.fromEnv(Map.of()))
                .isInstanceOf(AuthenticationException.class)
                .hasMessageContaining("E2B_API_KEY");
        assertThatThrownBy(() -> E2bOptions.of("k", "ftp://x")).isInstanceOf(IllegalArgumentException.class);
    }
}
