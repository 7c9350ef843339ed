package io.athenic.engine.egress;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.engine.ProcessEvent;
import io.athenic.engine.ProcessSpec;
import io.athenic.engine.ProcessStream;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.testing.EngineFixture;
import java.io.ByteArrayOutputStream;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Programs in real rooms that go through the proxy to a real web server. */
final class EgressRoomTest {
    private static Upstream upstream;
    private static EngineFixture fixture;

    @BeforeAll
    static void start() throws Exception {
        upstream = new Upstream();
        EgressConfig config = EgressConfig.of(EgressConfig.Mode.ON)
                .withRules(
                        List.of(),
                        Rule.parseAll("banned.web.test"),
                        Set.of(80, 443),
                        Rule.parseAll("127.0.0.1:" + upstream.port() + " 127.0.0.1:" + upstream.securePort()))
                .withCertificates(upstream.certificate());
        fixture = EngineFixture.start(1, 16, config, EgressRoomTest::resolve);
    }

    private static List<InetAddress> resolve(String host) throws UnknownHostException {
        if (host.equals("web.test") || host.endsWith(".web.test")) {
            return List.of(Inet4Address.ofLiteral("127.0.0.1"));
        }
        throw new UnknownHostException(host);
    }

    @AfterEach
    void killAll() {
        fixture.engine().list().forEach(sandbox -> sandbox.kill(io.athenic.engine.KillCause.USER));
    }

    @AfterAll
    static void stop() {
        fixture.close();
        upstream.close();
    }

    private static Sandbox sandbox(NetworkWish wish) {
        return fixture.engine()
                .create(new SandboxSpec(
                        "code-interpreter", Duration.ofMinutes(5), Map.of(), Map.of(), false, wish, null));
    }

    /** Output of a shell command, stdout and stderr as they come, and the exit code. */
    private static String shell(Sandbox sandbox, String command) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ProcessSpec spec = ProcessSpec.of("/bin/bash", "-c", command);
        try (ProcessStream stream = sandbox.agent().start(spec)) {
            while (true) {
                switch (stream.next(Duration.ofMinutes(1))) {
                    case ProcessEvent.Stdout(byte[] bytes) -> out.writeBytes(bytes);
                    case ProcessEvent.Stderr(byte[] bytes) -> out.writeBytes(bytes);
                    case null -> throw new AssertionError("no end of: " + command);
                    case ProcessEvent.Ended ended -> {
                        return out.toString(StandardCharsets.UTF_8) + "|" + ended.exitCode();
                    }
                    default -> {}
                }
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void programsNeedNoSetUp() {
        Sandbox sandbox = sandbox(NetworkWish.INTERNET);
        String plain = "http://web.test:" + upstream.port() + "/a?b=c";
        String secure = "https://web.test:" + upstream.securePort() + "/a?b=c";

        for (String url : List.of(plain, secure)) {
            for (String command : List.of(
                    "curl -sS URL",
                    "wget -qO- URL",
                    "sudo curl -sS URL",
                    "python3 -c 'import urllib.request as u; print(u.urlopen(\"URL\").read().decode())'",
                    "python3 -c 'import requests; print(requests.get(\"URL\").text)'",
                    "node -e 'fetch(\"URL\").then(r => r.text()).then(console.log)'")) {
                assertThat(shell(sandbox, command.replace("URL", url)))
                        .as(command)
                        .startsWith("hello GET /a?b=c 0")
                        .endsWith("|0");
            }
        }
    }
}
