package io.athenic.engine;

import static io.athenic.engine.Events.failure;
import static io.athenic.engine.Events.next;
import static io.athenic.engine.Events.rest;
import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;
import static io.athenic.engine.Events.stdout;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.testing.EngineExtension;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

final class PythonContextTest {
    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension(0, 64);

    @SuppressWarnings("NullAway.Init")
    private Sandbox sandbox;

    @SuppressWarnings("NullAway.Init")
    private CodeContext python;

    @BeforeEach
    void create() {
        sandbox = ENGINE.sandbox();
        python = sandbox.defaultContext("python");
    }

    @Test
    void stateIsKeptFromCellToCell() throws InterruptedException {
        run(python, "x = 20");

        List<KernelEvent> events = run(python, "x += 1\nprint('now', x)\nx * 2");

        assertThat(events.getFirst()).isEqualTo(new KernelEvent.Accepted(2));
        assertThat(stdout(events)).isEqualTo("now 21\n");
        assertThat(result(events)).isEqualTo("42");
        assertThat(python.restarts()).isZero();
    }

    @Test
    void theFirstLineArrivesWhileTheCodeStillRuns() throws InterruptedException {
        String code =
                "import os, time\nprint('first')\nwhile not os.path.exists('/tmp/go'): time.sleep(0.01)\nprint('last')";
        try (CodeStream stream = python.execute(code, Map.of())) {
            assertThat(next(stream)).isEqualTo(new KernelEvent.Accepted(1));
            assertThat(next(stream)).isEqualTo(new KernelEvent.Stdout("first\n"));

            Events.run(sandbox.agent(), ProcessSpec.of("/usr/bin/touch", "/tmp/go"));

            assertThat(stdout(rest(stream))).isEqualTo("last\n");
        }
    }

    @Test
    void anErrorIsAnEventAndTheContextGoesOn() throws InterruptedException {
        KernelEvent.Failed failed = failure(run(python, "y = 5\n1/0"));

        assertThat(failed.name()).isEqualTo("ZeroDivisionError");
        assertThat(failed.traceback()).contains("1/0");
        assertThat(result(run(python, "y"))).isEqualTo("5");
    }

    @Test
    void anErrorThatCannotBeFormattedNicelyIsStillAnEvent() throws InterruptedException {
        run(python, "get_ipython().InteractiveTB.format_exception_as_a_whole = lambda *a: 1/0");

        KernelEvent.Failed failed = failure(run(python, "nothing_of_this_name"));

        assertThat(failed.name()).isEqualTo("NameError");
        assertThat(failed.traceback()).contains("nothing_of_this_name");
    }

    @Test
    void closingAnEndlessLoopInterruptsItAndKeepsTheState() throws InterruptedException {
        run(python, "z = 7");
        try (CodeStream stream = python.execute("while True: pass", Map.of())) {
            assertThat(next(stream)).isEqualTo(new KernelEvent.Accepted(2));
        }

        assertThat(result(run(python, "z"))).isEqualTo("7");
        assertThat(python.restarts()).isZero();
    }

    @Test
    void anInterruptedExecutionDeliversItsEnd() throws InterruptedException {
        try (CodeStream stream = python.execute("import time\nprint('on')\ntime.sleep(300)", Map.of())) {
            next(stream);
            next(stream);

            python.interrupt();

            assertThat(failure(rest(stream)).name()).isEqualTo("KeyboardInterrupt");
        }
    }

    @Test
    void anExecutionThatWaitsBehindAnInterruptedOneRuns() throws InterruptedException {
        try (CodeStream endless = python.execute("while True: pass", Map.of())) {
            next(endless);
            try (CodeStream waiting = python.execute("1 + 1", Map.of())) {
                endless.interrupt();

                assertThat(result(rest(waiting))).isEqualTo("2");
            }
        }
    }

    @Test
    void executionsRunInTheOrderTheyCame() throws InterruptedException {
        run(python, "seen = []");
        List<CodeStream> streams = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            streams.add(python.execute("seen.append(" + i + ")\nlen(seen)", Map.of()));
        }
        for (int i = 0; i < 20; i++) {
            assertThat(result(rest(streams.get(i)))).isEqualTo(Integer.toString(i + 1));
        }
        assertThat(result(run(python, "seen == list(range(20))"))).isEqualTo("True");
    }

    @Test
    void anExecutionInterruptedBeforeItBeganSaysSo() throws InterruptedException {
        try (CodeStream endless = python.execute("while True: pass", Map.of());
                CodeStream waiting = python.execute("open('/tmp/ran', 'w')", Map.of())) {
            next(endless);

            waiting.interrupt();
            endless.interrupt();

            assertThat(failure(rest(waiting)).name()).isEqualTo("ExecutionAborted");
        }
        assertThat(result(run(python, "import os\nos.path.exists('/tmp/ran')"))).isEqualTo("False");
    }

    @Test
    void codeThatIgnoresTheInterruptLosesItsKernelButNotItsContext() throws InterruptedException {
        run(python, "w = 1");
        String stubborn = """
                import time
                def deaf():
                    for i in range(10_000):
                        try:
                            if i == 0: print('deaf')
                            time.sleep(1)
                        except BaseException: pass
                while True:
                    try: deaf()
                    except BaseException: pass
                """;
        try (CodeStream stream = python.execute(stubborn, Map.of())) {
            next(stream);
            assertThat(next(stream)).isEqualTo(new KernelEvent.Stdout("deaf\n"));

            stream.interrupt();

            assertThat(failure(rest(stream)).value()).contains("ignored the interrupt");
        }
        assertThat(failure(run(python, "w")).name()).isEqualTo("NameError");
        assertThat(python.restarts()).isEqualTo(1);
        assertThat(sandbox.context(python.id())).contains(python);
    }

    @Test
    void aKernelThatExitsEndsTheExecutionAndTheNextOneWorks() throws InterruptedException {
        run(python, "a = 1");

        KernelEvent.Failed failed = failure(run(python, "import os\nos._exit(3)"));

        assertThat(failed.name()).isEqualTo("UnexpectedEndOfExecution");
        assertThat(failed.value()).contains("exit status 3").contains("state of the context is lost");
        assertThat(result(run(python, "1 + 1"))).isEqualTo("2");
        assertThat(failure(run(python, "a")).name()).isEqualTo("NameError");
    }

    @Test
    void aSegmentationFaultIsNamed() throws InterruptedException {
        KernelEvent.Failed failed = failure(run(python, "import ctypes\nctypes.string_at(0)"));

        assertThat(failed.value()).contains("signal 11");
        assertThat(result(run(python, "1 + 1"))).isEqualTo("2");
    }

    @Test
    void usingUpTheMemoryIsNamedAndTheSandboxLives() throws InterruptedException {
        KernelEvent.Failed failed = failure(run(python, "big = []\nwhile True: big.append(bytearray(10_000_000))"));

        assertThat(failed.name()).isIn("UnexpectedEndOfExecution", "MemoryError");
        assertThat(failed.value()).contains("out of memory").contains("1024 MiB");
        assertThat(result(run(python, "1 + 1"))).isEqualTo("2");
        assertThat(sandbox.use().oomKills()).isPositive();
    }

    @Test
    void floodsOfOutputAreHeldBackByTheReader() throws InterruptedException {
        try (CodeStream stream = python.execute("while True: print('x' * 1000)", Map.of())) {
            next(stream);
            for (int i = 0; i < 100; i++) {
                assertThat(next(stream)).isInstanceOf(KernelEvent.Stdout.class);
            }
        }
        assertThat(result(run(python, "1 + 1"))).isEqualTo("2");
    }

    @Test
    void aSlowReaderDoesNotCostAnInterruptedProgramItsKernel() throws InterruptedException {
        run(python, "kept = 4");
        try (CodeStream stream = python.execute("while True: print('x' * 1000)", Map.of())) {
            next(stream);
            next(stream);

            stream.interrupt();
            Thread.sleep(Duration.ofMillis(
                    2500)); // longer than a program has to obey: the one thing here that needs real time

            assertThat(failure(rest(stream)).name()).isEqualTo("KeyboardInterrupt");
        }
        assertThat(result(run(python, "kept"))).isEqualTo("4");
    }

    @Test
    void aResultLongerThanAFrameArrivesWhole() throws InterruptedException {
        String text = result(run(python, "class Long:\n  def __repr__(self): return 'é' * 3_000_000\nLong()"));

        assertThat(text).hasSize(3_000_000);
    }

    @Test
    void contextsShareFilesButNoVariables() throws InterruptedException {
        CodeContext other = sandbox.createContext("python", "/tmp");
        run(python, "secret = 1\nopen('/tmp/shared', 'w').write('hello')");

        assertThat(failure(run(other, "secret")).name()).isEqualTo("NameError");
        assertThat(result(run(other, "open('shared').read()"))).isEqualTo("hello");
        assertThat(sandbox.contexts())
                .extracting(CodeContext::language)
                .containsExactly("python", "javascript", "python");

        sandbox.removeContext(other.id());
        assertThat(sandbox.context(other.id())).isEmpty();
    }

    @Test
    void aRestartedContextKeepsItsIdAndFailsWhatRan() throws InterruptedException {
        try (CodeStream stream = python.execute("while True: pass", Map.of())) {
            next(stream);

            sandbox.restartContext(python.id());

            assertThat(failure(rest(stream)).name()).isEqualTo("ContextRestarting");
        }
        assertThat(run(python, "1").getFirst()).isEqualTo(new KernelEvent.Accepted(1));
        assertThat(python.restarts()).isEqualTo(1);
    }

    @Test
    void variablesOfAnExecutionAreGoneAfterIt() throws InterruptedException {
        try (CodeStream stream = python.execute("import os\nos.environ['ONE']", Map.of("ONE", "1"))) {
            assertThat(result(rest(stream))).isEqualTo("1");
        }
        assertThat(result(run(python, "os.environ.get('ONE', 'none')"))).isEqualTo("none");
    }

    @Test
    void otherLanguagesStartWhenTheyAreUsed() throws InterruptedException {
        assertThat(stdout(run(sandbox.defaultContext("javascript"), "console.log(6 * 7)")))
                .isEqualTo("42\n");
        CodeContext bash = sandbox.defaultContext("bash");
        run(bash, "cd /tmp; X=5");
        assertThat(stdout(run(bash, "echo $X $PWD"))).isEqualTo("5 /tmp\n");
        await().until(() -> sandbox.contexts().size() == 3);
    }
}
