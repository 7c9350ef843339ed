package io.athenic.engine;

import static io.athenic.engine.Events.result;
import static io.athenic.engine.Events.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.testing.EngineFixture;
import io.athenic.engine.testing.NothingLeft;
import io.athenic.engine.testing.RoomdProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EngineFailureTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Duration MINUTES = Duration.ofMinutes(15);

    @Test
    void withoutRoomdThereIsNoEngine(@TempDir Path folder) {
        EngineConfig config = new EngineConfig(
                folder.resolve("none.sock"),
                folder,
                1,
                1,
                Limits.DEFAULT,
                SOON,
                folder.resolve("records"),
                OnRestart.ADOPT);

        assertThatThrownBy(() -> Engine.start(config, InstantSource.system()))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
                .hasMessageContaining("roomd");
    }

    @Test
    void withoutTheTemplateTheEngineSaysWhatToDo() throws Exception {
        try (RoomdProcess roomd = RoomdProcess.start()) {
            Files.delete(roomd.data().resolve("templates", "code-interpreter"));
            EngineConfig config = new EngineConfig(
                    roomd.socket(),
                    roomd.data().resolve("templates"),
                    1,
                    1,
                    Limits.DEFAULT,
                    Duration.ofSeconds(5),
                    roomd.records(),
                    OnRestart.ADOPT);
            try (Engine engine = Engine.start(config, InstantSource.system())) {
                assertThat(engine.awaitReady(SOON)).isFalse();
                assertThat(engine.status().state()).isEqualTo(EngineState.FAILED);
                assertThat(engine.status().detail()).contains("template").contains("build");
                assertThatThrownBy(() -> engine.create(SandboxSpec.of("base", MINUTES)))
                        .isInstanceOfSatisfying(
                                EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
            }
        }
    }

    @Test
    void closingTheEngineLeavesNothing() throws InterruptedException {
        try (EngineFixture fixture = EngineFixture.start(2, 10)) {
            run(fixture.sandbox().defaultContext("python"), "1");
            fixture.sandbox();
        } // the fixture looks at the machine
    }

    @Test
    void whenRoomdIsKilledTheEngineFailsAndNoProcessOfARoomLives() {
        try (RoomdProcess roomd = RoomdProcess.start()) {
            EngineConfig config = new EngineConfig(
                    roomd.socket(),
                    roomd.data().resolve("templates"),
                    1,
                    10,
                    Limits.DEFAULT,
                    Duration.ofSeconds(60),
                    roomd.records(),
                    OnRestart.ADOPT);
            try (Engine engine = Engine.start(config, InstantSource.system())) {
                Sandbox sandbox = engine.create(SandboxSpec.of("base", MINUTES));

                roomd.handle().destroyForcibly();

                await().atMost(SOON).until(() -> engine.status().state() == EngineState.FAILED);
                await().atMost(SOON).until(() -> sandbox.state() == SandboxState.KILLED);
                assertThat(sandbox.killCause()).contains(KillCause.ENGINE_FAILED);
                assertThat(engine.status().detail()).contains("roomd is gone");
                assertThatThrownBy(() -> engine.create(SandboxSpec.of("base", MINUTES)))
                        .hasMessageContaining("roomd is gone");
                await().atMost(SOON).until(() -> NothingLeft.processes(roomd).isEmpty());
            }
            roomd.restart(); // sweeps what the killed one left
            try (Engine engine = Engine.start(config, InstantSource.system())) {
                assertThat(result(run(
                                engine.create(SandboxSpec.of("base", MINUTES)).defaultContext("python"), "1+1")))
                        .isEqualTo("2");
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Test
    void aRoomOfThePoolThatDiesIsReplaced() throws Exception {
        try (EngineFixture fixture = EngineFixture.start(2, 10)) {
            Engine engine = fixture.engine();
            await().atMost(SOON).until(() -> engine.status().pooled() == 2);
            Set<String> before = NothingLeft.sandboxes(fixture.roomd());

            for (String room : before) {
                guests(fixture.roomd(), room).forEach(ProcessHandle::destroyForcibly);
            }

            await().atMost(SOON).until(() -> {
                Set<String> now = NothingLeft.sandboxes(fixture.roomd());
                return engine.status().pooled() == 2 && now.stream().noneMatch(before::contains);
            });
            assertThat(result(run(fixture.sandbox().defaultContext("python"), "1+1")))
                    .isEqualTo("2");
            assertThat(engine.status().poolHits()).isEqualTo(1);
        }
    }

    @Test
    void aZygoteThatIsKilledIsReplacedAndItsKernelsGoOn() throws Exception {
        try (EngineFixture fixture = EngineFixture.start(1, 10)) {
            Sandbox sandbox = fixture.sandbox();
            CodeContext python = sandbox.defaultContext("python");
            run(python, "kept = 3");
            List<ProcessHandle> zygotes = zygotes(fixture.roomd()).toList();
            assertThat(zygotes).hasSize(1);

            zygotes.getFirst().destroyForcibly();

            assertThat(result(run(python, "kept"))).isEqualTo("3");
            await().atMost(SOON).until(() -> !zygotes.getFirst().isAlive());
            assertThat(result(run(sandbox.createContext("python", "/tmp"), "1+1")))
                    .isEqualTo("2");
            assertThat(result(run(fixture.sandbox().defaultContext("python"), "1+1")))
                    .isEqualTo("2");
        }
    }

    private static Stream<ProcessHandle> guests(RoomdProcess roomd, String room) {
        return roomd.handle().descendants().filter(process -> inGroup(process, roomd.instance() + "/" + room));
    }

    private static Stream<ProcessHandle> zygotes(RoomdProcess roomd) {
        return roomd.handle().descendants().filter(process -> inGroup(process, roomd.instance() + "/_zygotes"));
    }

    private static boolean inGroup(ProcessHandle process, String group) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cgroup"))
                    .contains(group);
        } catch (IOException _) {
            return false; // ended meanwhile
        }
    }
}
