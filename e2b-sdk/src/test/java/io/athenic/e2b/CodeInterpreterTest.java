package io.athenic.e2b;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.e2b.protocol.CodeApi;
import io.athenic.e2b.protocol.CodeEvent;
import io.athenic.e2b.testing.FakeE2b;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CodeInterpreterTest {
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
    void collectsAnExecution() {
        List<String> heard = new ArrayList<>();
        var listener = new CodeListener() {
            @Override
            public void onStdout(String text) {
                heard.add(text);
            }
        };

        Execution execution = sandbox.code()
                .runCode(
                        ExecuteOptions.of("print hello\nerr oops\nresult {\"text\":\"2\"}"),
                        Duration.ofSeconds(30),
                        listener);

        assertThat(execution.logs().stdout()).containsExactly("hello\n").isEqualTo(heard);
        assertThat(execution.logs().stderr()).containsExactly("oops\n");
        assertThat(execution.text()).contains("2");
        assertThat(execution.executionCount()).isEqualTo(1);
        assertThat(execution.error()).isEmpty();
    }

    @Test
    void aFailedProgramIsData() {
        Execution execution = sandbox.code().runCode("fail ValueError bad input");

        assertThat(execution.error()).hasValueSatisfying(error -> {
            assertThat(error.name()).isEqualTo("ValueError");
            assertThat(error.value()).isEqualTo("bad input");
        });
    }

    @Test
    void eventsComeBeforeTheEnd() {
        try (CodeExecution events = sandbox.code().execute(ExecuteOptions.of("print first\nawait go\nprint last"))) {
            assertThat(events.next()).isInstanceOf(CodeEvent.Accepted.class);
            assertThat(events.next())
                    .isInstanceOfSatisfying(
                            CodeEvent.Stdout.class,
                            out -> assertThat(out.text()).isEqualTo("first\n"));
            assertThat(events.isComplete()).isFalse();
            e2b.sandbox(sandbox.id()).code().release("go");
            assertThat(events.next()).isInstanceOf(CodeEvent.Stdout.class);
            assertThat(events.hasNext()).isFalse();
            assertThat(events.isComplete()).isTrue();
        }
        assertThat(e2b.sandbox(sandbox.id()).code().interrupts()).isZero();
    }

    @Test
    void closingInTheMiddleInterruptsAndKeepsTheState() {
        CodeExecution events = sandbox.code().execute(ExecuteOptions.of("set x 42\nprint started\nsleep"));
        assertThat(events.next()).isInstanceOf(CodeEvent.Accepted.class);
        assertThat(events.next()).isInstanceOf(CodeEvent.Stdout.class);

        events.close();

        await().atMost(Duration.ofMinutes(1))
                .until(() -> e2b.sandbox(sandbox.id()).code().interrupts() == 1);
        assertThat(sandbox.code().runCode("get x").logs().stdout()).containsExactly("42\n");
    }

    @Test
    void closingFromAnotherThreadEndsTheIteration() throws Exception {
        CodeExecution events = sandbox.code().execute(ExecuteOptions.of("sleep"));
        assertThat(events.next()).isInstanceOf(CodeEvent.Accepted.class);
        var reading = new CountDownLatch(1);
        Thread closer = Thread.ofVirtual().start(() -> {
            try {
                reading.await();
                events.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        reading.countDown();

        assertThat(events.hasNext()).isFalse();

        assertThat(events.isComplete()).isFalse();
        closer.join();
    }

    @Test
    void runCodeIsInterruptedAtItsTimeout() {
        assertThatThrownBy(() -> sandbox.code()
                        .runCode(ExecuteOptions.of("sleep"), Duration.ofMillis(100), new CodeListener() {}))
                .isInstanceOf(TimeoutException.class);

        await().atMost(Duration.ofMinutes(1))
                .until(() -> e2b.sandbox(sandbox.id()).code().interrupts() == 1);
    }

    @Test
    void aPictureIsOneLongLine() {
        Execution execution = sandbox.code().runCode("png 8000000");

        assertThat(execution.results().get(0).formats().path("png").asText()).hasSize(8_000_000);
    }

    @Test
    void anEndlessLineIsRefused() {
        assertThatThrownBy(() -> sandbox.code().runCode("png 68000000"))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("is longer than 67108864 bytes");
    }

    @Test
    void whatIsNoEventIsRefused() {
        assertThatThrownBy(() -> sandbox.code().runCode("raw hello"))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("no event");
        assertThat(sandbox.code().runCode("raw {\"type\":\"new_thing\"}").error())
                .isEmpty();
    }

    @Test
    void aDeadSandboxIsSaidSo() {
        try (CodeExecution events = sandbox.code().execute(ExecuteOptions.of("print a\nsleep"))) {
            assertThat(events.next()).isInstanceOf(CodeEvent.Accepted.class);
            assertThat(events.next()).isInstanceOf(CodeEvent.Stdout.class);
            e2b.die(sandbox.id());

            assertThatThrownBy(events::hasNext)
                    .isInstanceOf(SandboxNotFoundException.class)
                    .hasMessageContaining("killed");
        }
        assertThatThrownBy(() -> sandbox.code().runCode("print a")).isInstanceOf(SandboxNotFoundException.class);
    }

    @Test
    void aBrokenConnectionIsNotADeadSandbox() {
        assertThatThrownBy(() -> sandbox.code().runCode("cut"))
                .isExactlyInstanceOf(SandboxException.class)
                .hasMessageContaining("connection broke");
    }

    @Test
    void contextsKeepTheirStateApart() {
        CodeInterpreter code = sandbox.code();
        CodeApi.Context own = code.createContext("python", null);
        code.runCode(ExecuteOptions.of("set x 1").withContext(own.id()), Duration.ofSeconds(60), new CodeListener() {});

        assertThat(code.listContexts()).hasSize(3).contains(own);
        assertThat(code.runCode("get x").error()).isPresent();
        code.restartContext(own.id());
        assertThat(code.runCode(
                                ExecuteOptions.of("get x").withContext(own.id()),
                                Duration.ofSeconds(60),
                                new CodeListener() {})
                        .error())
                .isPresent();
        code.removeContext(own.id());
        assertThatThrownBy(() -> code.execute(ExecuteOptions.of("print").withContext(own.id())))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining(own.id());
    }
}
