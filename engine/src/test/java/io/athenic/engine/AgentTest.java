package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.engine.testing.EngineExtension;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

final class AgentTest {
    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension();

    @SuppressWarnings("NullAway.Init")
    private Agent agent;

    @BeforeEach
    void create() {
        agent = ENGINE.engine()
                .create(new SandboxSpec(
                        "base", Duration.ofMinutes(5), Map.of(), Map.of("FROM_SANDBOX", "yes"), true, true, null))
                .agent();
    }

    @Test
    void aProcessRunsAsTheUserInItsHomeWithTheSandboxesEnvironment() throws InterruptedException {
        Events.Output output =
                Events.run(agent, ProcessSpec.shell("id -un; pwd; echo $FROM_SANDBOX; echo oops >&2; exit 3"));

        assertThat(output.stdout()).isEqualTo("user\n/home/user\nyes\n");
        assertThat(output.stderr()).isEqualTo("oops\n");
        assertThat(output.end().exitCode()).isEqualTo(3);
        assertThat(output.end().exited()).isTrue();
        assertThat(output.end().status()).isEqualTo("exit status 3");
    }

    @Test
    void inputReachesTheProcessAndItsEndToo() throws InterruptedException {
        try (ProcessStream cat = agent.start(ProcessSpec.of("/bin/cat").withStdin())) {
            agent.input(ProcessSelector.pid(cat.pid()), "hello\n".getBytes(StandardCharsets.UTF_8));
            agent.closeStdin(ProcessSelector.pid(cat.pid()));

            Events.Output output = Events.rest(cat);

            assertThat(output.stdout()).isEqualTo("hello\n");
            assertThat(output.end().exitCode()).isZero();
        }
    }

    @Test
    void aSignalEndsAProcessAndIsReported() throws InterruptedException {
        try (ProcessStream sleep = agent.start(ProcessSpec.of("/bin/sleep", "300"))) {
            assertThat(agent.list()).extracting(ProcessInfo::pid).contains(sleep.pid());

            agent.signal(ProcessSelector.pid(sleep.pid()), 9);

            ProcessEvent.Ended end = Events.rest(sleep).end();
            assertThat(end.exitCode()).isEqualTo(-1);
            assertThat(end.exited()).isFalse();
            assertThat(end.status()).isEqualTo("signal: killed");
        }
        code(ErrorCode.NOT_FOUND, () -> agent.signal(ProcessSelector.pid(999_999), 9));
    }

    @Test
    void aProcessOutlivesItsReaderAndCanBeFollowedAgain() throws InterruptedException {
        int pid;
        try (ProcessStream first = agent.start(ProcessSpec.of("/bin/cat").withStdin())) {
            pid = first.pid();
        }
        try (ProcessStream second = agent.connect(ProcessSelector.pid(pid))) {
            assertThat(Events.next(second)).isEqualTo(new ProcessEvent.Started(pid));
            agent.input(ProcessSelector.pid(pid), "again".getBytes(StandardCharsets.UTF_8));
            agent.closeStdin(ProcessSelector.pid(pid));
            assertThat(Events.rest(second).stdout()).isEqualTo("again");
        }
    }

    @Test
    void aTerminalIsATerminal() throws InterruptedException {
        ProcessSpec spec = ProcessSpec.shell("test -t 0 && stty size").withPty(new ProcessSpec.PtySize(91, 17));

        assertThat(Events.run(agent, spec).stdout()).isEqualTo("17 91\r\n");
    }

    @Test
    void aProcessIsEndedAtItsTimeout() throws InterruptedException {
        Events.Output output =
                Events.run(agent, ProcessSpec.of("/bin/sleep", "300").withTimeout(Duration.ofMillis(200)));

        assertThat(output.end().status()).isEqualTo("signal: killed");
    }

    @Test
    void filesComeBackAsTheyWereWritten() throws IOException {
        byte[] bytes = new byte[5_000_000];
        new Random(1).nextBytes(bytes);

        Entry written = agent.write("some/where/big.bin", null, Map.of("a", "b"), new ByteArrayInputStream(bytes));

        assertThat(written.path()).isEqualTo("/home/user/some/where/big.bin");
        assertThat(written.owner()).isEqualTo("user");
        assertThat(written.size()).isEqualTo(bytes.length);
        try (FileDownload download = agent.read("some/where/big.bin", null, 0, -1)) {
            assertThat(download.entry().size()).isEqualTo(bytes.length);
            assertThat(download.stream().readAllBytes()).isEqualTo(bytes);
        }
        try (FileDownload download = agent.read("some/where/big.bin", null, 1_000_000, 10)) {
            InputStream part = download.stream();
            assertThat(part.readAllBytes()).isEqualTo(java.util.Arrays.copyOfRange(bytes, 1_000_000, 1_000_010));
        }
    }

    @Test
    void foldersAreMadeListedMovedAndRemoved() throws IOException {
        agent.makeDir("a/b", null);
        agent.write("a/b/c.txt", null, Map.of(), new ByteArrayInputStream(new byte[] {1}));

        assertThat(agent.list("a", 3, null))
                .extracting(Entry::path)
                .containsExactly("/home/user/a/b", "/home/user/a/b/c.txt");
        code(ErrorCode.ALREADY_EXISTS, () -> agent.makeDir("a/b", null));
        assertThat(agent.move("a/b/c.txt", "a/d.txt", null).name()).isEqualTo("d.txt");
        agent.remove("a", null);
        agent.remove("a", null);
        code(ErrorCode.NOT_FOUND, () -> agent.stat("a", null));
    }

    @Test
    void filesAreJoined() throws IOException {
        agent.write("one", null, Map.of(), new ByteArrayInputStream("1".getBytes(StandardCharsets.UTF_8)));
        agent.write("two", null, Map.of(), new ByteArrayInputStream("2".getBytes(StandardCharsets.UTF_8)));

        agent.compose(List.of("one", "two"), "both", null);

        try (FileDownload download = agent.read("both", null, 0, -1)) {
            assertThat(new String(download.stream().readAllBytes(), StandardCharsets.UTF_8))
                    .isEqualTo("12");
        }
    }

    @Test
    void mistakesOfTheCallerAreNamedByTheirCode() {
        code(ErrorCode.NOT_FOUND, () -> agent.read("missing", null, 0, -1));
        code(ErrorCode.UNAUTHENTICATED, () -> agent.stat("", "nobody-of-this-name"));
        code(ErrorCode.INVALID_ARGUMENT, () -> agent.stat("a\0b", null));
        code(ErrorCode.INVALID_ARGUMENT, () -> agent.read("/tmp", null, 0, -1));
        code(ErrorCode.INVALID_ARGUMENT, () -> agent.signal(ProcessSelector.pid(1), 65));
        code(ErrorCode.UNAVAILABLE, () -> agent.connectPort(9));
    }

    @Test
    void aFullDiskIsToldToTheWriter() {
        Limits small = new Limits(256L << 20, 1000, 64, 32L << 20, 5000);
        SandboxSpec spec = new SandboxSpec("base", Duration.ofMinutes(5), Map.of(), Map.of(), true, true, small);
        Agent cramped = ENGINE.engine().create(spec).agent();

        code(ErrorCode.RESOURCE_EXHAUSTED, () -> cramped.write("huge", null, Map.of(), new Zeros(64L << 20)));
    }

    @Test
    void changesBelowAFolderAreSeen() throws Exception {
        agent.makeDir("watched", null);
        try (WatchStream watch = agent.watch("watched", false, true, null)) {
            agent.write("watched/new.txt", null, Map.of(), new ByteArrayInputStream(new byte[] {1}));

            WatchEvent event = Objects.requireNonNull(watch.next(Events.LONG));

            assertThat(event.name()).isEqualTo("new.txt");
            assertThat(event.kind()).isEqualTo(WatchEvent.Kind.CREATE);
        }
    }

    @Test
    void aPortOfTheSandboxIsReached() throws Exception {
        String server = """
                import socket
                s = socket.create_server(("127.0.0.1", 8123))
                print("up", flush=True)
                c, _ = s.accept()
                data = b""
                while part := c.recv(4096): data += part
                c.sendall(data.upper())
                """;
        try (ProcessStream process = agent.start(ProcessSpec.of("/usr/bin/python3", "-c", server))) {
            Events.next(process);
            assertThat(Events.next(process)).isInstanceOf(ProcessEvent.Stdout.class);
            try (PortConnection port = agent.connectPort(8123)) {
                port.write(ByteBuffer.wrap("hello".getBytes(StandardCharsets.UTF_8)));
                port.endOutput();

                ByteBuffer answer = ByteBuffer.allocate(100);
                while (port.read(answer) >= 0) {
                    assertThat(answer.hasRemaining()).isTrue();
                }

                assertThat(new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8))
                        .isEqualTo("HELLO");
            }
        }
    }

    @Test
    void anAgentThatIsKilledIsReplacedWithTheEnvironment() throws InterruptedException {
        Events.Output output = Events.run(
                agent,
                ProcessSpec.shell("for p in /proc/[0-9]*; do echo ${p#/proc/}; done")
                        .withUser("root"));
        assertThat(output.end().exitCode()).isZero();

        // Every process of root but init: the agent is one of them.
        try (ProcessStream killer = agent.start(ProcessSpec.shell("pkill -9 -u root -v -x 'catatonit|sleep' ; true")
                .withUser("root"))) {
            Events.rest(killer);
        } catch (EngineException expected) {
            assertThat(expected.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }

        org.awaitility.Awaitility.await()
                .ignoreExceptions()
                .until(() -> Events.run(agent, ProcessSpec.shell("echo $FROM_SANDBOX"))
                        .stdout()
                        .equals("yes\n"));
    }

    private static void code(ErrorCode code, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    /** So many bytes of nothing. */
    private static final class Zeros extends InputStream {
        private long left;

        Zeros(long count) {
            left = count;
        }

        @Override
        public int read() {
            return left-- > 0 ? 0 : -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            if (left <= 0) {
                return -1;
            }
            int count = (int) Math.min(length, left);
            left -= count;
            return count;
        }
    }
}
