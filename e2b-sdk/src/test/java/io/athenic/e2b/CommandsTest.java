package io.athenic.e2b;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.e2b.CommandHandle.Output;
import io.athenic.e2b.testing.FakeE2b;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CommandsTest {
    private FakeE2b e2b;
    private E2bClient client;
    private Sandbox sandbox;

    @BeforeEach
    void start() {
        e2b = FakeE2b.start();
        client = new E2bClient(E2bOptions.of(FakeE2b.KEY, e2b.url()));
        sandbox = client.create();
    }

    @AfterEach
    void stop() {
        client.close();
        e2b.close();
    }

    @Test
    void runsToTheEnd() {
        CommandResult result = sandbox.commands().run("echo hello; err oops");

        assertThat(result).isEqualTo(new CommandResult(0, "exit status 0", "hello\n", "oops\n"));
    }

    @Test
    void anotherExitCodeIsThrownWithTheOutput() {
        assertThatThrownBy(() -> sandbox.commands().run("echo half; exit 3"))
                .isInstanceOfSatisfying(CommandExitException.class, e -> {
                    assertThat(e.result().exitCode()).isEqualTo(3);
                    assertThat(e.result().stdout()).isEqualTo("half\n");
                });
    }

    @Test
    void aSplitCharacterComesOutWhole() {
        assertThat(sandbox.commands().run("split").stdout()).isEqualTo("ä");
    }

    @Test
    void inputReachesTheProcess() {
        try (CommandHandle handle = sandbox.commands().start("cat", CommandOptions.DEFAULT.withStdin())) {
            handle.sendStdin("abc");
            assertThat(handle.next()).isEqualTo(new Output.Stdout("abc"));
            handle.closeStdin();
            assertThat(handle.waitFor().exitCode()).isZero();
        }
    }

    @Test
    void aProcessOutlivesItsHandleAndCanBeFoundAgain() {
        int pid;
        try (CommandHandle handle = sandbox.commands().start("cat", CommandOptions.DEFAULT.withStdin())) {
            pid = handle.pid();
        }

        assertThat(sandbox.commands().list()).extracting(p -> p.pid()).containsExactly(pid);
        try (CommandHandle again = sandbox.commands().connect(pid)) {
            sandbox.commands().sendStdin(pid, "more");
            assertThat(again.next()).isEqualTo(new Output.Stdout("more"));
            assertThat(again.kill()).isTrue();
            assertThat(again.next()).isNull();
            assertThat(again.result()).isNotNull().returns(-1, CommandResult::exitCode);
        }
        assertThat(sandbox.commands().kill(pid)).isFalse();
        assertThatThrownBy(() -> sandbox.commands().connect(pid)).isInstanceOf(NotFoundException.class);
    }

    @Test
    void theTimeoutKills() {
        assertThatThrownBy(() ->
                        sandbox.commands().run("sleep", CommandOptions.DEFAULT.withTimeout(Duration.ofMillis(100))))
                .isInstanceOf(TimeoutException.class)
                .hasMessageContaining("100 ms");
    }

    @Test
    void aDeadSandboxIsSaidSo() {
        try (CommandHandle handle = sandbox.commands().start("sleep", CommandOptions.DEFAULT)) {
            e2b.die(sandbox.id());
            assertThatThrownBy(handle::waitFor).isInstanceOf(SandboxException.class);
        }
        assertThatThrownBy(() -> sandbox.commands().run("echo x")).isInstanceOf(SandboxNotFoundException.class);
    }
}
