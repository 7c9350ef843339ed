package io.athenic.execution;

import static io.athenic.execution.ServiceFixture.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.execution.ExecutionEvent.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExecutionServiceTest {
    /** Passes in tests of what does not obey. */
    private static final Duration SHORT = Duration.ofSeconds(3);

    @TempDir
    private Path folder;

    private ServiceFixture fixture;
    private ExecutionService service;
    private final List<String> durable = new ArrayList<>();

    @BeforeEach
    void start() {
        fixture = ServiceFixture.start(folder);
        service = fixture.service();
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
        try (var files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .as("of executions that nobody can come back for nothing stays")
                    .allMatch(name ->
                            name.equals("installation") || durable.stream().anyMatch(name::startsWith));
        }
    }

    /** Its files outlive the service, for the next one. */
    private Execution durable(String code, String clientId) {
        Execution execution = service.start(ExecutionRequest.of(code, "python").forClient(clientId));
        durable.add(execution.id());
        return execution;
    }

    private void restart(java.util.function.UnaryOperator<ExecutionConfig> change) {
        fixture.close();
        fixture = new ServiceFixture(folder, change);
        service = fixture.service();
    }

    private static List<ExecutionEvent> events(Execution execution) throws InterruptedException {
        List<ExecutionEvent> events = new ArrayList<>();
        try (LogReader reader = execution.log().readAfter(0)) {
            for (LogItem item = reader.next(SOON); item != null; item = reader.next(SOON)) {
                events.add(item.event());
            }
        }
        return events;
    }

    private static void awaitOutput(Execution execution, String text) {
        await().atMost(SOON).until(() -> execution.outcome(1000).stdoutText().contains(text));
    }

    private String newSandbox() {
        return service.createSandbox();
    }

    @Test
    void runsInAFreshSandboxAndClosesIt() throws Exception {
        Execution execution = service.start(ExecutionRequest.of("print hi\nerr oh\nresult {\"text\":\"2\"}", "python"));
        ExecutionOutcome outcome = execution.await(SOON);

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.COMPLETED);
        assertThat(outcome.stdout()).containsExactly("hi\n");
        assertThat(outcome.stderr()).containsExactly("oh\n");
        assertThat(outcome.results()).hasSize(1);
        assertThat(outcome.results().get(0).path("text").asText()).isEqualTo("2");
        assertThat(outcome.executionCount()).isEqualTo(1);
        assertThat(events(execution))
                .extracting(e ->
                        e instanceof Status s ? s.status().wire() : e.getClass().getSimpleName())
                .containsExactly("starting", "running", "Stdout", "Stderr", "Result", "Summary", "completed");
        await().until(() -> fixture.e2b().sandboxes().isEmpty());
    }

    @Test
    void aFailingProgramIsAnError() throws Exception {
        ExecutionOutcome outcome = fixture.run("print before\nfail ValueError bad");

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.ERROR);
        assertThat(outcome.message()).isEqualTo("ValueError: bad");
        assertThat(outcome.failure()).isNotNull().returns("ValueError", ExecutionEvent.Failed::name);
        assertThat(outcome.stdoutText()).isEqualTo("before\n");
    }

    @Test
    void aGivenSandboxKeepsItsState() throws Exception {
        String sandbox = newSandbox();

        service.start(ExecutionRequest.of("set x 42", "python").inSandbox(sandbox))
                .await(SOON);
        ExecutionOutcome outcome = service.start(
                        ExecutionRequest.of("get x", "python").inSandbox(sandbox))
                .await(SOON);

        assertThat(outcome.stdoutText()).isEqualTo("42\n");
        assertThat(service.isAlive(sandbox)).isTrue();
    }

    @Test
    void keepSandboxKeepsIt() throws Exception {
        var request = new ExecutionRequest("set x 1", "python", SOON, null, null, true);
        Execution execution = service.start(request);
        execution.await(SOON);

        String sandbox = execution.sandboxId().orElseThrow();
        assertThat(service.isAlive(sandbox)).isTrue();
        assertThat(service.start(ExecutionRequest.of("get x", "python").inSandbox(sandbox))
                        .await(SOON)
                        .stdoutText())
                .isEqualTo("1\n");
    }

    @Test
    void executionsOfOneSandboxRunOneAfterTheOther() throws Exception {
        String sandbox = newSandbox();
        Execution first =
                service.start(ExecutionRequest.of("await go\nset x 1", "python").inSandbox(sandbox));
        await().until(() -> first.status() == ExecutionStatus.RUNNING);

        Execution second = service.start(ExecutionRequest.of("get x", "python").inSandbox(sandbox));
        await().until(() -> second.status() == ExecutionStatus.QUEUED);
        fixture.e2b().sandbox(sandbox).code().release("go");

        assertThat(second.await(SOON).stdoutText()).isEqualTo("1\n");
    }

    @Test
    void anUnknownSandboxIsNotFound() {
        for (String id : List.of("i404", "", "../x", "a b", "x".repeat(300))) {
            assertThatThrownBy(() -> service.start(
                            ExecutionRequest.of("print x", "python").inSandbox(id)))
                    .isInstanceOfSatisfying(
                            ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
        }
        assertThat(service.closeSandbox("i404")).isFalse();
        assertThat(service.isAlive("i404")).isFalse();
        assertThatThrownBy(() -> service.files("i404")).isInstanceOf(ApiException.class);
    }

    @Test
    void nobodyElseGetsIntoTheSandboxOfOneExecution() throws Exception {
        Execution first = service.start(ExecutionRequest.of("await go", "python"));
        String sandbox = first.sandboxId().orElseThrow();
        var second = ExecutionRequest.of("print x", "python").inSandbox(sandbox);

        assertThatThrownBy(() -> service.start(second))
                .isInstanceOfSatisfying(
                        ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
                .hasMessageContaining("keepSandbox");

        fixture.e2b().sandbox(sandbox).code().release("go");
        assertThat(first.await(SOON).status()).isEqualTo(ExecutionStatus.COMPLETED);
        assertThatThrownBy(() -> service.start(second))
                .isInstanceOfSatisfying(
                        ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
    }

    @Test
    void cancelInterruptsAndKeepsTheState() throws Exception {
        String sandbox = newSandbox();
        Execution execution = service.start(
                ExecutionRequest.of("set x 7\nprint ready\nsleep", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");

        assertThat(service.cancel(execution.id(), CancelCause.USER)).isTrue();
        ExecutionOutcome outcome = execution.await(SOON);

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.CANCELLED);
        assertThat(outcome.message()).contains("Stopped by the user").contains(Stopper.INTERRUPTED);
        assertThat(service.cancel(execution.id(), CancelCause.USER)).isFalse();
        assertThat(service.start(ExecutionRequest.of("get x", "python").inSandbox(sandbox))
                        .await(SOON)
                        .stdoutText())
                .isEqualTo("7\n");
    }

    @Test
    void codeThatResistsTheInterruptLosesItsContext() throws Exception {
        restart(config -> config.withStopGrace(SHORT));
        String sandbox = newSandbox();
        Execution execution = service.start(
                ExecutionRequest.of("print ready\nstubborn", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");

        service.cancel(execution.id(), CancelCause.USER);

        assertThat(execution.await(SOON).message()).contains(Stopper.RESTARTED);
        assertThat(service.isAlive(sandbox)).isTrue();
        assertThat(service.start(ExecutionRequest.of("print ok", "python").inSandbox(sandbox))
                        .await(SOON)
                        .stdoutText())
                .isEqualTo("ok\n");
    }

    @Test
    void aContextThatTheServerRestartedIsNotCalledInterrupted() throws Exception {
        String sandbox = newSandbox();
        Execution execution =
                service.start(ExecutionRequest.of("print ready\nlose", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");

        service.cancel(execution.id(), CancelCause.USER);

        assertThat(execution.await(SOON).message()).contains(Stopper.RESTARTED);
    }

    @Test
    void codeThatResistsTheRestartLosesItsSandbox() throws Exception {
        restart(config -> config.withStopGrace(SHORT));
        String sandbox = newSandbox();
        Execution execution = service.start(
                ExecutionRequest.of("print ready\nimmortal", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");
        fixture.e2b().sandbox(sandbox).code().refuseRestarts();

        service.cancel(execution.id(), CancelCause.USER);

        assertThat(execution.await(SOON).message()).contains(Stopper.KILLED);
        assertThat(service.isAlive(sandbox)).isFalse();
    }

    @Test
    void theTimeoutStops() throws Exception {
        var request = ExecutionRequest.of("sleep", "python").withTimeout(Duration.ofMillis(200));
        ExecutionOutcome outcome = service.start(request).await(SOON);

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.TIMEOUT);
        assertThat(outcome.message()).contains("timeout of 200 ms");
        await().until(() -> fixture.e2b().sandboxes().isEmpty());
    }

    @Test
    void aWaitingExecutionCanBeCancelled() throws Exception {
        String sandbox = newSandbox();
        Execution first = service.start(ExecutionRequest.of("sleep", "python").inSandbox(sandbox));
        await().until(() -> first.status() == ExecutionStatus.RUNNING);
        Execution second =
                service.start(ExecutionRequest.of("print no", "python").inSandbox(sandbox));

        service.cancel(second.id(), CancelCause.USER);

        assertThat(second.await(SOON).status()).isEqualTo(ExecutionStatus.CANCELLED);
        assertThat(first.status()).isEqualTo(ExecutionStatus.RUNNING);
        service.cancel(first.id(), CancelCause.USER);
        assertThat(first.await(SOON).message()).contains(Stopper.INTERRUPTED);
    }

    @Test
    void aSandboxThatDiesIsSaidSo() throws Exception {
        String sandbox = newSandbox();
        Execution execution = service.start(
                ExecutionRequest.of("print ready\nsleep", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");

        fixture.e2b().die(sandbox);
        ExecutionOutcome outcome = execution.await(SOON);

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.ERROR);
        assertThat(outcome.message()).startsWith("The sandbox died");
        assertThat(outcome.failure()).isNotNull().returns(null, ExecutionEvent.Failed::name);
    }

    @Test
    void aContextThatIsRestartedFromOutsideIsAnError() throws Exception {
        String sandbox = newSandbox();
        Execution execution = service.start(
                ExecutionRequest.of("print ready\nsleep", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");

        var code = service.sandboxes().connect(sandbox, SOON).code();
        code.restartContext(code.listContexts().get(0).id());

        assertThat(execution.await(SOON).failure())
                .isNotNull()
                .returns("ContextRestarting", ExecutionEvent.Failed::name);
    }

    @Test
    void closingASandboxCancelsWhatRunsInIt() throws Exception {
        String sandbox = newSandbox();
        Execution execution = service.start(
                ExecutionRequest.of("print ready\nsleep", "python").inSandbox(sandbox));
        awaitOutput(execution, "ready");

        assertThat(service.closeSandbox(sandbox)).isTrue();

        ExecutionOutcome outcome = execution.await(SOON);
        assertThat(outcome.status()).isEqualTo(ExecutionStatus.CANCELLED);
        assertThat(outcome.message()).contains("its sandbox was closed");
    }

    @Test
    void aClientRunsOneAtATime() throws Exception {
        Execution first = durable("sleep", "c1");

        assertThatThrownBy(() ->
                        service.start(ExecutionRequest.of("print x", "python").forClient("c1")))
                .isInstanceOfSatisfying(ApiException.class, e -> {
                    assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT);
                    assertThat(e).hasMessageContaining(first.id());
                });
        service.cancel(first.id(), CancelCause.USER);
        first.await(SOON);
        assertThat(durable("print x", "c1").await(SOON).status()).isEqualTo(ExecutionStatus.COMPLETED);
    }

    @Test
    void anEndedExecutionOfAClientIsThereAfterARestart() throws Exception {
        Execution before = durable("print hi\nresult {\"text\":\"2\"}\nflood 20\nerr oh", "c1");
        ExecutionOutcome outcome = before.await(SOON);
        List<ExecutionEvent> told = events(before);

        restart(config -> config);
        service.resume();
        Execution after = service.find(before.id()).orElseThrow();

        assertThat(events(after)).isEqualTo(told);
        assertThat(after.status()).isEqualTo(ExecutionStatus.COMPLETED);
        assertThat(after.await(SOON).stdout()).isEqualTo(outcome.stdout());
        assertThat(durable("print next", "c1").ordinal()).isGreaterThan(after.ordinal());
    }

    @Test
    void itsFilesGoWithItsRetention() throws Exception {
        durable("print hi", "c1").await(SOON);
        restart(config -> config);

        fixture.pass(Duration.ofMinutes(16));
        fixture.run("print other");

        await().atMost(SOON).untilAsserted(() -> {
            try (var files = Files.list(folder)) {
                assertThat(files).containsExactly(folder.resolve("installation"));
            }
        });
        durable.clear();
    }

    @Test
    void whatRanWhenTheServiceDiedEndsWithAnErrorWhenItsSandboxIsGone() throws Exception {
        Execution before = durable("print hi\nsleep", "c1");
        awaitOutput(before, "hi");
        Path copy = Files.createDirectory(folder.resolve("copy")); // as a kill -9 leaves it
        try (var files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        try (var next = new ServiceFixture(copy, config -> config)) {
            next.service().resume();
            Execution after = next.service().find(before.id()).orElseThrow();
            ExecutionOutcome outcome = after.await(SOON);

            assertThat(outcome.status()).isEqualTo(ExecutionStatus.ERROR);
            assertThat(outcome.message()).contains("restarted");
            assertThat(outcome.stdout()).containsExactly("hi\n");
        }
        try (var files = Files.list(copy)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(copy);
    }

    @Test
    void whatHadEndedWhenTheServiceDiedHasEndedAlthoughItsRecordDoesNotSaySo() throws Exception {
        Execution before = durable("print hi", "c1");
        ExecutionOutcome outcome = before.await(SOON);
        List<ExecutionEvent> told = events(before);
        Path copy = Files.createDirectory(folder.resolve("copy"));
        fixture.close(); // the last record is written by now
        try (var files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Path record = copy.resolve(before.id() + ".json");
        var json = (com.fasterxml.jackson.databind.node.ObjectNode) Json.MAPPER.readTree(record.toFile());
        Files.write(
                record,
                Json.MAPPER.writeValueAsBytes(json.put("status", "running").putNull("endedAt")));

        try (var next = new ServiceFixture(copy, config -> config)) {
            next.service().resume();
            Execution after = next.service().find(before.id()).orElseThrow();

            assertThat(after.status()).isEqualTo(ExecutionStatus.COMPLETED);
            assertThat(after.await(SOON).stdout()).isEqualTo(outcome.stdout());
            assertThat(events(after)).isEqualTo(told);
            assertThat(after.endedAt()).isPresent();
        }
        try (var files = Files.list(copy)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(copy);
    }

    @Test
    void damagedRecordsAndStrayFilesAreRemoved() throws Exception {
        for (String name : List.of("x.json", "y-0.log", "z.new")) {
            Files.writeString(folder.resolve(name), "{");
        }

        restart(config -> config);

        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(folder.resolve("installation"));
        }
    }

    @Test
    void moreThanTheBoundIsRefused() throws Exception {
        restart(config -> config.withMaxConcurrent(2));
        Execution first = service.start(ExecutionRequest.of("sleep", "python"));
        service.start(ExecutionRequest.of("sleep", "python"));

        assertThatThrownBy(() -> service.start(ExecutionRequest.of("print x", "python")))
                .isInstanceOfSatisfying(
                        ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.OVERLOADED));
        service.cancel(first.id(), CancelCause.USER);
        first.await(SOON);
        await().ignoreExceptionsMatching(
                        e -> e instanceof ApiException refused && refused.code() == ErrorCode.OVERLOADED)
                .untilAsserted(
                        () -> assertThat(fixture.run("print x").stdoutText()).isEqualTo("x\n"));
    }

    @Test
    void aSandboxThatCannotBeHadIsAnErrorForCallerAndClient() throws Exception {
        fixture.e2b().failNext(429, "too many sandboxes");

        assertThatThrownBy(() ->
                        service.start(ExecutionRequest.of("print x", "python").forClient("c1")))
                .isInstanceOfSatisfying(
                        ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.OVERLOADED));
        Execution failed = service.store().latestOf("c1").orElseThrow();
        assertThat(failed.await(SOON).message()).contains("too many sandboxes");
        assertThat(failed.status()).isEqualTo(ExecutionStatus.ERROR);
    }

    @Test
    void endedExecutionsAreForgottenByAgeAndCount() throws Exception {
        restart(config -> config.withRetained(2, 1 << 30, Duration.ofMinutes(15)));
        Execution first = service.start(ExecutionRequest.of("print 1", "python"));
        first.await(SOON);
        Execution second = service.start(ExecutionRequest.of("print 2", "python"));
        second.await(SOON);
        Execution third = service.start(ExecutionRequest.of("print 3", "python"));
        third.await(SOON);

        await().until(() -> service.find(first.id()).isEmpty());
        assertThat(service.find(second.id())).isPresent();
        fixture.pass(Duration.ofMinutes(16));
        fixture.run("print 4");
        await().until(() -> service.find(third.id()).isEmpty());
    }

    @Test
    void theOneThatEndedFirstIsForgottenFirst() throws Exception {
        restart(config -> config.withRetained(2, 1 << 30, Duration.ofMinutes(15)));
        Execution longest = service.start(ExecutionRequest.of("await go", "python"));
        Execution first = service.start(ExecutionRequest.of("print 1", "python"));
        first.await(SOON);
        Execution second = service.start(ExecutionRequest.of("print 2", "python"));
        second.await(SOON);
        fixture.e2b().sandbox(longest.sandboxId().orElseThrow()).code().release("go");
        longest.await(SOON);

        await().until(() -> service.find(first.id()).isEmpty());
        assertThat(service.find(longest.id())).isPresent();
        assertThat(service.find(second.id())).isPresent();
    }

    @Test
    void muchOutputIsKeptOnDiskInBounds() throws Exception {
        restart(config -> config.withLogLimits(new LogLimits(1 << 20, 8 << 20, Duration.ofMillis(4), 64 << 10)));
        Execution execution = service.start(ExecutionRequest.of("flood 400\nprint end", "python"));

        ExecutionOutcome outcome = execution.await(SOON);

        assertThat(outcome.status()).isEqualTo(ExecutionStatus.COMPLETED);
        assertThat(outcome.whole()).isFalse();
        assertThat(outcome.stdoutText()).endsWith("end\n").contains("left out").hasSizeLessThan(70_000);
        assertThat(execution.log().bytes()).isLessThan(10 << 20);
        assertThat(execution.log().memoryBytes()).isLessThan(1 << 20);
    }

    @Test
    void shutdownStopsAllAndSaysWhy() throws Exception {
        Execution execution = service.start(ExecutionRequest.of("sleep", "python"));
        await().until(() -> execution.status() == ExecutionStatus.RUNNING);

        service.close();

        assertThat(execution.status()).isEqualTo(ExecutionStatus.CANCELLED);
        assertThat(fixture.e2b().sandboxes()).isEmpty();
        assertThatThrownBy(() -> service.start(ExecutionRequest.of("print x", "python")))
                .isInstanceOf(ApiException.class);
    }

    @Test
    void whatAnEarlierLifeLeftIsDeleted() throws Exception {
        fixture.close();
        Files.writeString(folder.resolve("gone-0.log"), "left by a server that was killed");

        fixture = ServiceFixture.start(folder);

        assertThat(folder.resolve("gone-0.log")).doesNotExist();
    }

    @Test
    void aGivenSandboxOutlivesTheExecution() throws Exception {
        String sandbox = service.createSandbox("base", Duration.ofMinutes(1));
        var request =
                ExecutionRequest.of("print x", "python").inSandbox(sandbox).withTimeout(Duration.ofHours(1));

        service.start(request).await(SOON);

        assertThat(fixture.e2b().sandbox(sandbox).endAt())
                .isAfter(java.time.Instant.now().plus(Duration.ofHours(1)));
    }

    @Test
    void languagesHaveManyNames() throws Exception {
        assertThat(ExecutionRequest.of("x", "js").language()).isEqualTo("javascript");
        assertThat(ExecutionRequest.of("x", "Shell").language()).isEqualTo("bash");
        assertThat(ExecutionRequest.of("x", "code-interpreter-v1").language()).isEqualTo("python");
        assertThatThrownBy(() -> ExecutionRequest.of("x", "cobol"))
                .isInstanceOf(ApiException.class)
                .hasMessageContaining("python, javascript, bash");
        assertThat(service.start(ExecutionRequest.of("print x", "bash"))
                        .await(SOON)
                        .stdoutText())
                .isEqualTo("x\n");
    }
}
