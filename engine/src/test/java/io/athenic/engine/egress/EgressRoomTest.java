package io.athenic.engine.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.Bounds;
import io.athenic.engine.CodeStream;
import io.athenic.engine.EngineException;
import io.athenic.engine.KernelEvent;
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
        fixture = EngineFixture.start(1, 16, Bounds.DEFAULT, config, EgressRoomTest::resolve);
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

    @Test
    void packageManagersNeedNoSetUp() {
        Sandbox sandbox = sandbox(NetworkWish.INTERNET);
        String host = "https://web.test:" + upstream.securePort();

        assertThat(shell(sandbox, "pip download --retries 0 --no-deps --index-url " + host + "/simple/ nothing"))
                .endsWith("|1");
        assertThat(shell(sandbox, "git ls-remote " + host + "/repository")).doesNotContain("CONNECT", "certificate");
        assertThat(shell(
                        sandbox,
                        "echo 'deb [trusted=yes] http://web.test:" + upstream.port()
                                + "/debian stable main' > /tmp/l && sudo env -i apt-get update -o"
                                + " Dir::Etc::sourcelist=/tmp/l -o Dir::Etc::sourceparts=/dev/null"))
                .contains("web.test");

        assertThat(upstream.requests())
                .anyMatch(request -> request.matches("/simple/nothing/ pip/.*"))
                .anyMatch(request -> request.matches("/repository/info/refs.* git/.*"))
                .anyMatch(request -> request.matches("/debian/dists/stable/InRelease Debian APT.*"));
    }

    @Test
    void codeInAPooledKernelHasTheNetworkOfItsSandbox() throws Exception {
        Sandbox sandbox = sandbox(NetworkWish.INTERNET);
        String code = "import urllib.request as u; u.urlopen('https://web.test:" + upstream.securePort()
                + "/cell').read().decode()";

        assertThat(result(sandbox, code)).contains("hello GET /cell 0");
    }

    private static String result(Sandbox sandbox, String code) throws InterruptedException {
        StringBuilder text = new StringBuilder();
        try (CodeStream stream = sandbox.defaultContext("python").execute(code, Map.of())) {
            while (true) {
                KernelEvent event = stream.next(Duration.ofMinutes(1));
                if (event == null) {
                    throw new AssertionError("no end of the cell");
                }
                text.append(event);
                if (event instanceof KernelEvent.Finished) {
                    return text.toString();
                }
            }
        }
    }

    @Test
    void whatIsDeniedSaysWhy() {
        Sandbox sandbox = sandbox(NetworkWish.INTERNET);

        assertThat(shell(sandbox, "curl -sS http://10.0.0.1/")).isEqualTo("10.0.0.1:80: its address is private\n|0");
        assertThat(shell(sandbox, "curl -sS http://127.0.0.1:4000/ --noproxy ''"))
                .contains("leads to the machine of the sandboxes itself");
        assertThat(shell(sandbox, "curl -sS https://banned.web.test/")).endsWith("|56");
        assertThat(shell(sandbox, "curl -sS http://nowhere.test/")).contains("cannot be resolved");
        assertThat(shell(sandbox, "curl -sS --noproxy '*' http://web.test/")).endsWith("|6");
        assertThat(shell(sandbox, "curl -sS --noproxy '*' --max-time 60 http://203.0.113.1/"))
                .endsWith("|7");

        assertThat(sandbox.networkEvents())
                .extracting(NetworkEvent::verdict)
                .containsExactly(
                        NetworkEvent.Verdict.DENIED,
                        NetworkEvent.Verdict.DENIED,
                        NetworkEvent.Verdict.DENIED,
                        NetworkEvent.Verdict.FAILED);
        assertThatThrownBy(() -> sandbox.agent().connectPort(Egress.PORT))
                .isInstanceOf(EngineException.class)
                .hasMessageContaining("proxy");
    }

    @Test
    void thePolicyOfARunningSandboxCanBeChanged() {
        Sandbox sandbox = sandbox(NetworkWish.NONE);
        String url = "http://web.test:" + upstream.port() + "/x";
        assertThat(shell(sandbox, "curl -sS " + url)).contains("this sandbox has no network");

        sandbox.setNetwork(new NetworkWish(false, List.of("*.test"), List.of(), true, false));
        assertThat(shell(sandbox, "curl -sS " + url)).isEqualTo("hello GET /x 0|0");

        sandbox.setNetwork(NetworkWish.NONE);
        assertThat(shell(sandbox, "curl -sS " + url)).contains("this sandbox has no network");
        assertThat(sandbox.networkEvents())
                .extracting(NetworkEvent::verdict)
                .containsExactly(
                        NetworkEvent.Verdict.DENIED, NetworkEvent.Verdict.ALLOWED, NetworkEvent.Verdict.DENIED);
    }

    @Test
    void anAgentThatWasKilledIsReplacedAndTheWayOutIsThereAgain() {
        Sandbox sandbox = sandbox(NetworkWish.INTERNET);
        String url = "http://web.test:" + upstream.port() + "/again";
        String agent = "$(pgrep -u root -f zygote | head -1)";
        // The agent that carries the command's stream dies with it.
        assertThatThrownBy(() -> shell(sandbox, "sudo kill -9 " + agent)).isInstanceOf(EngineException.class);

        await().ignoreExceptions()
                .untilAsserted(
                        () -> assertThat(shell(sandbox, "curl -sS " + url)).isEqualTo("hello GET /again 0|0"));
    }

    @Test
    void largeDownloadsAreWholeAndUploadsToo() {
        Sandbox sandbox = sandbox(NetworkWish.INTERNET);
        String base = "https://web.test:" + upstream.securePort();
        long bytes = 100L << 20;

        assertThat(shell(sandbox, "curl -sS '" + base + "/large?" + bytes + "' | wc -c"))
                .isEqualTo(bytes + "\n|0");
        assertThat(shell(
                        sandbox,
                        "head -c 30000000 /dev/zero > f; curl -sS -T f http://web.test:" + upstream.port() + "/up"))
                .isEqualTo("hello PUT /up 30000000|0");
        assertThat(sandbox.networkEvents().getFirst().received()).isGreaterThan(bytes);
    }

    @Test
    void aTemplatesBuildHasNetworkEvenIfItsWishIsNotTheUsers() {
        Sandbox sandbox = sandbox(NetworkWish.BUILD);

        assertThat(sandbox.networkPolicy().otherwise()).isTrue();
    }
}
