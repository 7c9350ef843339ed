package io.athenic.engine.template;

import static io.athenic.engine.template.TemplateBuilderTest.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.Engine;
import io.athenic.engine.EngineConfig;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Fork;
import io.athenic.engine.KillCause;
import io.athenic.engine.Lifecycle;
import io.athenic.engine.Lifecycle.OnTimeout;
import io.athenic.engine.Limits;
import io.athenic.engine.OnRestart;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.SandboxState;
import io.athenic.engine.Snapshot;
import io.athenic.engine.Tree;
import io.athenic.engine.egress.NetworkWish;
import io.athenic.engine.testing.RoomdProcess;
import io.athenic.engine.testing.SettableClock;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sandboxes of a template that was built here: paused, copied, and longer there than the template, over a restart too. */
class TemplateSandboxesTest {
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final String LOOK = "cat made note; pwd; id -un; echo $KIND";

    private final RoomdProcess roomd = RoomdProcess.start(600);
    private final SettableClock clock = new SettableClock();

    @TempDir
    Path folder = Path.of("");

    private Engine engine;
    private TemplateBuilder builder;

    @BeforeEach
    void start() throws InterruptedException {
        engine = Engine.start(
                new EngineConfig(
                        roomd.socket(),
                        roomd.data().resolve("templates"),
                        0,
                        10,
                        Limits.DEFAULT,
                        Duration.ofSeconds(60),
                        roomd.records(),
                        OnRestart.ADOPT),
                (InstantSource) clock);
        assertThat(engine.awaitReady(LONG)).isTrue();
        engine.openTemplates(folder.resolve("templates"));
        // Nothing is kept that nobody needs.
        builder = new TemplateBuilder(engine, new CopiedFiles(folder.resolve("files")), 0, clock);
    }

    @AfterEach
    void end() {
        engine.list().forEach(sandbox -> sandbox.kill(KillCause.USER));
        stop();
        roomd.close();
    }

    private void stop() {
        builder.close();
        engine.close();
    }

    private void build(String name, String made) {
        TemplateBuild build = builder.announce(name, 1500, 300L << 20, 4L << 30);
        List<BuildStep> steps = List.of(
                new BuildStep.Env(Map.of("KIND", "built")),
                new BuildStep.Workdir("/srv/work"),
                new BuildStep.Run(
                        TemplateBuilderTest.LESS + "; useradd worker; chmod 777 .; echo " + made + " > made",
                        Optional.of("root")),
                new BuildStep.User("worker"));
        builder.start(
                build,
                new BuildRequest(
                        "base",
                        steps.stream()
                                .map(step -> new BuildRequest.Step(step, false))
                                .toList(),
                        Optional.empty(),
                        Optional.empty(),
                        false));
        await().atMost(LONG).until(build::ended);
        assertThat(build.failure()).isEmpty();
    }

    private Sandbox sandbox(String template, Lifecycle lifecycle) {
        return engine.create(
                new SandboxSpec(template, LONG, Map.of("a", "b"), Map.of(), true, NetworkWish.NONE, null, lifecycle));
    }

    private String tree(String template) {
        return engine.templates().find(template).orElseThrow().tree().orElseThrow();
    }

    private List<String> trees() {
        return engine.trees().list().stream().map(Tree::name).toList();
    }

    @Test
    void whatWasAskedForHoldsForSandboxesOfABuiltTemplateToo() throws Exception {
        build("house", "first");
        Lifecycle asked = new Lifecycle(OnTimeout.PAUSE, true);
        Sandbox sandbox = sandbox("house", asked);
        run(sandbox, "echo noted > note");

        assertThat(sandbox.lifecycle()).isEqualTo(asked);
        assertThat(sandbox.metadata()).containsEntry("a", "b");
        assertThat(sandbox.limits()).isEqualTo(new Limits(300L << 20, 1500, 512, 4L << 30, 400_000));
        clock.advance(Duration.ofMinutes(6));
        await().atMost(LONG).until(() -> sandbox.state() != SandboxState.RUNNING);
        assertThat(sandbox.state()).isEqualTo(SandboxState.PAUSED);
        sandbox.resume(LONG);
        assertThat(run(sandbox, LOOK)).isEqualTo("first\nnoted\n/srv/work\nworker\nbuilt\n");

        Snapshot snapshot = engine.snapshot(sandbox, "furnished");
        assertThat(snapshot.origin()).isEqualTo("house");
        Sandbox copy = sandbox("furnished", Lifecycle.KILL);
        Sandbox fork = ((Fork.Made) engine.fork(sandbox, 1, LONG).getFirst()).sandbox();
        for (Sandbox each : List.of(copy, fork)) {
            assertThat(run(each, LOOK)).isEqualTo("first\nnoted\n/srv/work\nworker\nbuilt\n");
            assertThat(each.limits()).isEqualTo(sandbox.limits());
            assertThat(each.template()).isEqualTo("house");
        }
        assertThat(fork.lifecycle()).isEqualTo(asked);
        assertThat(copy.lifecycle()).isEqualTo(Lifecycle.KILL);
        assertThat(engine.limitsOf("furnished")).isEqualTo(sandbox.limits());
    }

    @Test
    void whatSandboxesAndSnapshotsStandOnStaysUntilTheyHaveEnded() throws Exception {
        String name = "n".repeat(63);
        build(name, "first");
        String first = tree(name);
        String running = sandbox(name, Lifecycle.KILL).id();
        String stored = sandbox(name, Lifecycle.KILL).id();
        run(engine.find(stored).orElseThrow(), "echo stored > note");
        engine.find(stored).orElseThrow().pause(false);
        Sandbox origin = sandbox(name, Lifecycle.KILL);
        run(origin, "echo copied > note");
        Snapshot snapshot = engine.snapshot(origin, "");
        origin.kill(KillCause.USER);

        assertThat(builder.delete(name)).isTrue();
        builder.collect();

        assertThat(trees()).containsExactly(first);
        engine.find(running).orElseThrow().pause(true);
        stop();
        roomd.restart();
        start();
        builder.collect();

        assertThat(trees()).containsExactly(first);
        for (String id : List.of(running, stored)) {
            Sandbox sandbox = engine.find(id).orElseThrow();
            assertThat(sandbox.template()).isEqualTo(name);
            sandbox.resume(LONG);
            assertThat(run(sandbox, "cat made; pwd; id -un; echo $KIND"))
                    .isEqualTo("first\n/srv/work\nworker\nbuilt\n");
        }
        Sandbox copy = sandbox(snapshot.id(), Lifecycle.KILL);
        assertThat(run(copy, "cat /srv/work/made /srv/work/note")).isEqualTo("first\ncopied\n");
        assertThat(copy.template()).isEqualTo(name);
        assertThat(engine.deleteSnapshot(snapshot.id())).isTrue();
        assertThatThrownBy(() -> sandbox(snapshot.id(), Lifecycle.KILL))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
        builder.collect();
        assertThat(trees()).containsExactly(first);

        for (Sandbox each : engine.list()) {
            each.kill(KillCause.USER);
        }
        builder.collect();

        assertThat(trees()).isEmpty();
    }
}
