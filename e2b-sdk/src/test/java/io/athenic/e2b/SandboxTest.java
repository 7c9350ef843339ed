package io.athenic.e2b;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.protocol.ListedSandbox;
import io.athenic.e2b.protocol.NewSandbox;
import io.athenic.e2b.protocol.SnapshotInfo;
import io.athenic.e2b.testing.FakeE2b;
import io.athenic.e2b.testing.FakeSandbox;
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
    void pausesOnceAndGoesOn() {
        Sandbox sandbox = client.create();

        assertThat(sandbox.pause(false)).isTrue();
        assertThat(sandbox.pause()).isFalse();
        assertThat(e2b.sandbox(sandbox.id()).paused()).isEqualTo(FakeSandbox.Pause.FILES_ONLY);
        sandbox.resume(Duration.ofMinutes(1));
        assertThat(e2b.sandbox(sandbox.id()).paused()).isEqualTo(FakeSandbox.Pause.NONE);
        assertThat(sandbox.pause()).isTrue();
        assertThat(e2b.sandbox(sandbox.id()).paused()).isEqualTo(FakeSandbox.Pause.WITH_MEMORY);
        sandbox.close();
        assertThatThrownBy(sandbox::pause).isInstanceOf(SandboxNotFoundException.class);
    }

    @Test
    void theLifecycleIsAskedForAsE2bWantsIt() {
        var files = client.create(CreateOptions.DEFAULT.withLifecycle(CreateOptions.OnTimeout.PAUSE_FILES, false));
        var resumed = client.create(CreateOptions.DEFAULT.withLifecycle(CreateOptions.OnTimeout.PAUSE, true));
        var killed = client.create();

        var wanted = e2b.sandbox(files.id()).wanted();
        assertThat(wanted.autoPause()).isTrue();
        assertThat(wanted.autoPauseMemory()).isFalse();
        assertThat(wanted.autoResume()).isNull();
        assertThat(e2b.sandbox(resumed.id()).wanted().autoResume()).isEqualTo(new NewSandbox.AutoResume(true));
        assertThat(e2b.sandbox(resumed.id()).wanted().autoPauseMemory()).isNull();
        assertThat(e2b.sandbox(killed.id()).wanted().autoPause()).isNull();
        assertThatThrownBy(() -> CreateOptions.DEFAULT.withLifecycle(CreateOptions.OnTimeout.KILL, true))
                .isInstanceOf(InvalidArgumentException.class);
    }

    @Test
    void snapshotsAndForks() {
        Sandbox sandbox = client.create();

        SnapshotInfo plain = sandbox.createSnapshot();
        SnapshotInfo named = sandbox.createSnapshot("work");
        assertThat(named.names()).containsExactly("work");
        assertThat(client.listSnapshots()).containsExactlyInAnyOrder(plain, named);
        assertThat(client.deleteSnapshot(plain.snapshotId())).isTrue();
        assertThat(client.deleteSnapshot(plain.snapshotId())).isFalse();
        var forks = sandbox.fork(3, Duration.ofMinutes(1));
        assertThat(forks).hasSize(3);
        assertThat(forks.get(0))
                .isInstanceOfSatisfying(
                        Fork.Made.class,
                        made -> assertThat(made.sandbox().isRunning()).isTrue());
        assertThat(forks.get(2))
                .isInstanceOfSatisfying(
                        Fork.Failed.class, failed -> assertThat(failed.why()).isInstanceOf(RateLimitException.class));
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
