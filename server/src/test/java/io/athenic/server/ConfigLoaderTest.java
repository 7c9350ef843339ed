package io.athenic.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.engine.Bounds;
import io.athenic.engine.Keeping;
import io.athenic.engine.Limits;
import io.athenic.engine.OnRestart;
import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.egress.Rule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigLoaderTest {
    @TempDir
    Path data;

    private ServerConfig load(Map<String, String> environment, Map<String, String> flags) {
        return new ConfigLoader(environment).load(data, data.resolve("templates"), data.resolve("roomd.sock"), flags);
    }

    @Test
    void everyDefault() {
        var config = load(Map.of(), Map.of());

        assertThat(config)
                .isEqualTo(new ServerConfig(
                        "127.0.0.1",
                        4000,
                        4002,
                        data,
                        data.resolve("templates"),
                        data.resolve("roomd.sock"),
                        ServerConfig.EngineKind.EMBEDDED,
                        2,
                        8,
                        400,
                        OnRestart.ADOPT,
                        Limits.DEFAULT,
                        new Bounds(
                                new Limits(8L << 30, 8000, 4096, 32L << 30, Limits.MAX_INODES),
                                1L << 30,
                                Duration.ofHours(24),
                                Duration.ZERO,
                                512L << 20),
                        Keeping.DEFAULT,
                        10L << 30,
                        EgressSettings.of(Map.of()),
                        Duration.ofMinutes(30),
                        "",
                        "",
                        Map.of()));
    }

    @Test
    void boundsOfWhatIsKeptAreTheOperators() {
        var config = load(
                Map.of("ATHENIC_PAUSED_MAX", "5", "ATHENIC_SNAPSHOTS_DISK", "512MiB"),
                Map.of("paused.age", "36h", "templates.disk", "3GiB"));

        assertThat(config.keeping()).isEqualTo(new Keeping(5, Duration.ofHours(36), 512L << 20));
        assertThat(config.templateBytes()).isEqualTo(3L << 30);
        assertThat(config.printable())
                .containsEntry("paused.max", "5")
                .containsEntry("paused.age", "129600s")
                .containsEntry("snapshots.disk", "512MiB")
                .containsEntry("templates.disk", "3072MiB");
        for (var wrong : Map.of(
                        "paused.max",
                        "2001",
                        "paused.age",
                        "7 days",
                        "snapshots.disk",
                        "much",
                        "templates.disk",
                        "-1GiB")
                .entrySet()) {
            assertThatThrownBy(() -> load(Map.of(), Map.of(wrong.getKey(), wrong.getValue())))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(wrong.getKey() + " is " + wrong.getValue());
        }
    }

    @Test
    void sandboxesHaveNoNetworkUnlessTheOperatorSaysSo() {
        assertThat(load(Map.of(), Map.of()).egress().mode()).isEqualTo(EgressConfig.Mode.OFF);

        var egress = load(
                        Map.of(
                                "ATHENIC_EGRESS", "on-request",
                                "ATHENIC_EGRESS_BUILDS", "off",
                                "ATHENIC_EGRESS_DENY", "*.example.com 198.51.100.0/24",
                                "ATHENIC_EGRESS_PORTS", "443",
                                "ATHENIC_EGRESS_EXCEPTIONS", "10.1.2.3:8081",
                                "ATHENIC_EGRESS_CERTIFICATES", "none"),
                        Map.of())
                .egress();

        assertThat(egress)
                .isEqualTo(EgressConfig.of(EgressConfig.Mode.ON_REQUEST)
                        .withBuilds(false)
                        .withRules(
                                List.of(),
                                Rule.parseAll("*.example.com,198.51.100.0/24"),
                                Set.of(443),
                                Rule.parseAll("10.1.2.3:8081")));
    }

    @Test
    void flagsWinOverTheEnvironmentAndThatOverTheFile() throws IOException {
        Files.writeString(data.resolve("athenic.properties"), "port=1\npool.size=3\nsandbox.idle=2h\n");

        var config = load(Map.of("ATHENIC_PORT", "2", "ATHENIC_POOL_SIZE", "5"), Map.of("port", "7"));

        assertThat(config.port()).isEqualTo(7);
        assertThat(config.poolSize()).isEqualTo(5);
        assertThat(config.poolMax()).isEqualTo(8);
        assertThat(config.idleTimeout()).isEqualTo(Duration.ofHours(2));
    }

    @Test
    void unknownKeysAreErrors() throws IOException {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> load(Map.of("ATHENIC_PROT", "1"), Map.of()))
                .withMessageContaining("ATHENIC_PROT");
        Files.writeString(data.resolve("athenic.properties"), "prot=1\n");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> load(Map.of(), Map.of()))
                .withMessageContaining("prot");
    }

    @ParameterizedTest
    @CsvSource({
        "ATHENIC_PORT, 70000",
        "ATHENIC_PORT, x",
        "ATHENIC_POOL_SIZE, -1",
        "ATHENIC_POOL_MAX, 1",
        "ATHENIC_SANDBOX_MEMORY, 512",
        "ATHENIC_SANDBOX_MEMORY, 1MiB",
        "ATHENIC_SANDBOX_MEMORY, -1GiB",
        "ATHENIC_SANDBOX_IDLE, 0s",
        "ATHENIC_EGRESS, yes",
        "ATHENIC_EGRESS_BUILDS, 1",
        "ATHENIC_EGRESS_ALLOW, http://example.com",
        "ATHENIC_EGRESS_DENY, *.*",
        "ATHENIC_EGRESS_PORTS, '80,https'",
        "ATHENIC_EGRESS_EXCEPTIONS, mirror.example.com",
        "ATHENIC_EGRESS_CERTIFICATES, /nonexistent.pem",
        "ATHENIC_ENGINE, docker",
        "ATHENIC_SANDBOXES_RESTART, maybe",
        "ATHENIC_ENGINE, e2b",
        "ATHENIC_HOST, 0.0.0.0",
    })
    void wrongValuesAreErrorsThatSayWhatToWrite(String name, String value) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> load(Map.of(name, value), Map.of()))
                .withMessageContaining(value);
    }

    @Test
    void secretsAreNeverPrinted() {
        var config = load(
                Map.of(
                        "ANTHROPIC_API_KEY",
                        "sk-secret",
                        "DATABASE_URL",
                        "postgres://me:secret@localhost/athenic",
                        "ATHENIC_MODEL",
                        "anthropic:x"),
                Map.of());

        assertThat(config.printable().toString()).doesNotContain("secret").contains("anthropic:x", "localhost/athenic");
    }
}
