package io.athenic.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.athenic.engine.CodeStream;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineException;
import io.athenic.engine.KernelEvent;
import io.athenic.engine.KillCause;
import io.athenic.engine.Limits;
import io.athenic.engine.ProcessEvent;
import io.athenic.engine.ProcessSpec;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.Template;
import io.athenic.engine.testing.EngineExtension;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Builds in real sandboxes, without network. */
class TemplateBuilderTest {
    @RegisterExtension
    static final EngineExtension ENGINE = new EngineExtension(0, 16);

    private static final Duration BUILD = Duration.ofMinutes(5);

    /** A tree has a folder for each of its parent's: without these the tests make and remove fewer. */
    static final String LESS = "rm -rf /usr/lib/gcc /usr/share/perl /usr/lib/x86_64-linux-gnu/perl /usr/share/nodejs";

    private static final BuildStep TRIM = new BuildStep.Run(LESS, root());

    @TempDir
    static Path folder;

    private static TemplateBuilder builder;

    @BeforeAll
    static void open() {
        engine().openTemplates(folder.resolve("templates"));
        builder = new TemplateBuilder(
                engine(), new CopiedFiles(folder.resolve("files")), 10L << 30, InstantSource.system());
    }

    @AfterAll
    static void close() {
        builder.close();
    }

    private static Engine engine() {
        return ENGINE.engine();
    }

    private static Optional<String> root() {
        return Optional.of("root");
    }

    private static BuildRequest request(String start, String ready, BuildStep... steps) {
        return new BuildRequest(
                "code-interpreter",
                java.util.Arrays.stream(steps)
                        .map(step -> new BuildRequest.Step(step, false))
                        .toList(),
                Optional.of(start).filter(text -> !text.isEmpty()),
                Optional.of(ready).filter(text -> !text.isEmpty()),
                false);
    }

    private static TemplateBuild build(String name, BuildRequest request) {
        TemplateBuild build = builder.announce(name, 1000, 700L << 20, 300L << 20);
        builder.start(build, request);
        Awaitility.await().atMost(BUILD).until(build::ended);
        return build;
    }

    private static List<String> log(TemplateBuild build) {
        return build.log().from(0, 10_000).stream().map(BuildLog.Line::text).toList();
    }

    /** What the code ends with, before its end is told. */
    private static KernelEvent last(Sandbox sandbox, String language, String code) throws InterruptedException {
        try (CodeStream stream = sandbox.defaultContext(language).execute(code, Map.of())) {
            KernelEvent before = null;
            while (true) {
                KernelEvent event = stream.next(Duration.ofSeconds(60));
                if (event instanceof KernelEvent.Finished) {
                    return java.util.Objects.requireNonNull(before);
                }
                before = event;
            }
        }
    }

    private static void sendWheel(String hash) throws IOException, InterruptedException {
        Path source = Files.createTempDirectory(folder, "wheel");
        String about = "house-1.2.dist-info/";
        Map<String, String> files = Map.of(
                "house/__init__.py",
                "DOORS = 3\n",
                about + "METADATA",
                "Metadata-Version: 2.1\nName: house\nVersion: 1.2\n",
                about + "WHEEL",
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                about + "RECORD",
                "house/__init__.py,,\n" + about + "METADATA,,\n" + about + "WHEEL,,\n" + about + "RECORD,,\n");
        try (var wheel = new ZipOutputStream(Files.newOutputStream(source.resolve("house-1.2-py3-none-any.whl")))) {
            for (Map.Entry<String, String> file : files.entrySet()) {
                wheel.putNextEntry(new ZipEntry(file.getKey()));
                wheel.write(file.getValue().getBytes(StandardCharsets.UTF_8));
            }
        }
        sendFolder(hash, source);
    }

    private static void send(String hash, Map<String, String> files) throws IOException, InterruptedException {
        Path source = Files.createTempDirectory(folder, "source");
        for (Map.Entry<String, String> file : files.entrySet()) {
            Path path = source.resolve(file.getKey());
            Files.createDirectories(path.getParent());
            Files.writeString(path, file.getValue());
        }
        sendFolder(hash, source);
    }

    private static void sendFolder(String hash, Path source) throws IOException, InterruptedException {
        Path tar = folder.resolve(hash);
        assertThat(new ProcessBuilder("tar", "-czf", tar.toString(), "-C", source.toString(), ".")
                        .start()
                        .waitFor())
                .isZero();
        try (InputStream bytes = Files.newInputStream(tar)) {
            builder.files().put(hash, bytes);
        }
    }

    static String run(Sandbox sandbox, String command) throws InterruptedException {
        var said = new StringBuilder();
        try (var process = sandbox.agent().start(ProcessSpec.shell(command))) {
            while (true) {
                switch (process.next(Duration.ofSeconds(60))) {
                    case ProcessEvent.Stdout out -> said.append(new String(out.bytes(), StandardCharsets.UTF_8));
                    case ProcessEvent.Stderr out -> said.append(new String(out.bytes(), StandardCharsets.UTF_8));
                    case ProcessEvent.Ended _ -> {
                        return said.toString();
                    }
                    case null, default -> {
                        // not yet
                    }
                }
            }
        }
    }

    private static Sandbox sandbox(String template) {
        return engine().create(SandboxSpec.of(template, Duration.ofMinutes(5)));
    }

    @Test
    void aTemplateGivesFilesEnvironmentUserFolderLimitsAndItsStartCommand() throws Exception {
        send(
                "hash-of-site",
                Map.of("site/index.html", "hello from the template", "site/deep/more.txt", "more", "one.txt", "1"));
        BuildStep[] steps = {
            TRIM,
            new BuildStep.Env(Map.of("GREETING", "good day", "PORT", "8123")),
            new BuildStep.Workdir("/srv/app"),
            new BuildStep.Copy("site", "/srv/app", Optional.of("user"), Optional.of("640"), "hash-of-site"),
            new BuildStep.Copy("*.txt", "lists/", Optional.empty(), Optional.empty(), "hash-of-site"),
            new BuildStep.Run("echo \"$GREETING in $(pwd) by $(id -un)\" | tee made; echo seen >&2", Optional.empty()),
        };
        String start = "echo started > /tmp/started; exec python3 -m http.server $PORT";
        String ready =
                "python3 -c 'import os, urllib.request as r; r.urlopen(\"http://127.0.0.1:\" + os.environ[\"PORT\"])'";

        TemplateBuild build = build("site", request(start, ready, steps));

        assertThat(log(build)).as("%s", build.failure()).contains("[6/6] good day in /srv/app by user", "[6/6] seen");
        assertThat(build.state()).isEqualTo(TemplateBuild.State.READY);
        Template template = engine().templates().find("site").orElseThrow();

        Sandbox sandbox = sandbox("site");
        assertThat(
                        run(
                                sandbox,
                                "cat /srv/app/index.html; stat -c '%U %a' index.html deep/more.txt; cat made lists/one.txt; pwd; id -un; echo $GREETING; cat /tmp/started"))
                .isEqualTo(
                        "hello from the templateuser 640\nuser 640\ngood day in /srv/app by user\n1/srv/app\nuser\ngood day\nstarted\n");
        assertThat(run(sandbox, "curl -s http://127.0.0.1:8123/deep/more.txt")).isEqualTo("more");
        assertThat(sandbox.template()).isEqualTo("site");
        assertThat(sandbox.limits()).isEqualTo(new Limits(700L << 20, 1000, 512, 300L << 20, 200_000));
        assertThat(sandbox.agent().list())
                .anySatisfy(process -> assertThat(process.tag()).contains("start-command"));

        TemplateBuild again = build("site", request(start, ready, steps));
        assertThat(log(again)).filteredOn(line -> line.contains("CACHED")).hasSize(4);
        assertThat(engine().templates().find("site").orElseThrow().key()).isEqualTo(template.key());

        steps[5] = new BuildStep.Run("echo changed > made", Optional.empty());
        TemplateBuild changed = build("site", request(start, ready, steps));
        assertThat(log(changed)).filteredOn(line -> line.contains("CACHED")).hasSize(3);
        Sandbox other = sandbox("site");
        assertThat(run(other, "cat made")).isEqualTo("changed\n");
        assertThat(run(sandbox, "cat made")).isEqualTo("good day in /srv/app by user\n");

        assertThat(builder.delete("site")).isTrue();
        assertThat(builder.delete("site")).isFalse();
        assertThat(engine().hasTemplate("site")).isFalse();
        assertThat(run(other, "cat made")).isEqualTo("changed\n");
    }

    @Test
    void aFailingStepEndsTheBuildWithItsNumberAndKeepsTheTemplateThatWas() {
        TemplateBuild build =
                build("broken", request("", "", new BuildStep.Run("echo the reason; exit 3", Optional.empty()), TRIM));

        assertThat(build.state()).isEqualTo(TemplateBuild.State.ERROR);
        assertThat(build.failure().orElseThrow().step()).isEqualTo("1");
        assertThat(build.failure().orElseThrow().message()).contains("echo the reason", "exit status 3");
        assertThat(log(build)).contains("[1/2] the reason");
        assertThat(engine().hasTemplate("broken")).isFalse();
        assertThat(engine().list()).isEmpty();
    }

    @Test
    void aStartCommandThatDiesFailsTheBuild() {
        TemplateBuild build = build("dying", request("echo no such thing; exit 4", "false"));

        assertThat(build.failure().orElseThrow().step()).isEqualTo("finalize");
        assertThat(build.failure().orElseThrow().message()).contains("ended before it was ready", "no such thing");
        assertThat(engine().hasTemplate("dying")).isFalse();
    }

    @Test
    void aTemplateWithoutFilesOfItsOwnSharesItsBase() throws Exception {
        TemplateBuild build = build("named", request("", "", new BuildStep.Env(Map.of("A", "1"))));
        TemplateBuild child = builder.announce("child", 0, 0, 0);
        builder.start(
                child,
                new BuildRequest(
                        "named",
                        List.of(new BuildRequest.Step(new BuildStep.Env(Map.of("B", "2")), false)),
                        Optional.empty(),
                        Optional.empty(),
                        false));
        Awaitility.await().atMost(BUILD).until(child::ended);

        assertThat(build.failure()).isEmpty();
        assertThat(engine().templates().find("child").orElseThrow().tree()).isEmpty();
        assertThat(run(sandbox("child"), "echo $A $B")).isEqualTo("1 2\n");
    }

    @Test
    void aTemplateMayLackLibrariesAndInterpreters() throws Exception {
        String libraries =
                "cd /usr/lib/python3/dist-packages && rm -rf pandas numpy matplotlib PIL scipy sklearn sympy";
        TemplateBuild some = build("some", request("", "", new BuildStep.Run(LESS + "; " + libraries, root())));
        assertThat(some.failure()).isEmpty();
        TemplateBuild none = build(
                "none",
                new BuildRequest(
                        "some",
                        List.of(new BuildRequest.Step(
                                new BuildStep.Run(
                                        "rm -rf /usr/lib/python3/dist-packages/IPython /usr/bin/node", root()),
                                false)),
                        Optional.empty(),
                        Optional.empty(),
                        false));

        assertThat(none.failure()).isEmpty();
        Sandbox plain = sandbox("some");
        assertThat(last(plain, "python", "assert 1 + 1 == 2")).isInstanceOf(KernelEvent.Accepted.class);
        Sandbox bare = sandbox("none");
        assertThat(last(bare, "python", "1 + 1")).isInstanceOfSatisfying(KernelEvent.Failed.class, failed -> {
            assertThat(failed.name()).isEqualTo("NotInstalled");
            assertThat(failed.value()).contains("no IPython", "apt = [\"ipython3\"]");
        });
        assertThat(last(bare, "javascript", "1 + 1"))
                .isInstanceOfSatisfying(
                        KernelEvent.Failed.class,
                        failed -> assertThat(failed.value()).contains("no Node.js"));
        assertThat(last(bare, "python", "1 + 1")).isInstanceOf(KernelEvent.Failed.class);
        assertThat(run(bare, "python3 -c 'print(6 * 7)'")).isEqualTo("42\n");
    }

    @Test
    void aWheelOfTheDefinitionsFilesIsInstalledWithoutNetwork() throws Exception {
        sendWheel("hash-of-wheel");

        TemplateBuild build = build(
                "wheel",
                request(
                        "",
                        "",
                        TRIM,
                        new BuildStep.Workdir("/srv"),
                        new BuildStep.Copy(
                                "house-1.2-py3-none-any.whl", "/srv/", root(), Optional.empty(), "hash-of-wheel"),
                        new BuildStep.Run("pip install --no-index ./house-1.2-py3-none-any.whl", root())));

        assertThat(log(build)).as("%s", build.failure()).contains("[4/4] Successfully installed house-1.2");
        assertThat(log(build)).noneMatch(line -> line.contains("WARNING"));
        assertThat(run(sandbox("wheel"), "python3 -c 'import house; print(house.DOORS)'"))
                .isEqualTo("3\n");
    }

    @Test
    void wrongRequestsAreRefused() {
        assertThatThrownBy(() -> builder.announce("Not A Name", 0, 0, 0))
                .isInstanceOf(EngineException.class)
                .hasMessageContaining("lower-case letters");
        TemplateBuild build = builder.announce("orphan", 0, 0, 0);
        var nowhere = new BuildRequest("nowhere", List.of(), Optional.empty(), Optional.empty(), false);
        assertThatThrownBy(() -> builder.start(build, nowhere))
                .isInstanceOf(EngineException.class)
                .hasMessageContaining("no template 'nowhere'");
        var tooMany = new ArrayList<BuildRequest.Step>();
        for (int i = 0; i <= BuildRequest.MAX_STEPS; i++) {
            tooMany.add(new BuildRequest.Step(TRIM, false));
        }
        var many = new BuildRequest("base", tooMany, Optional.empty(), Optional.empty(), false);
        assertThatThrownBy(() -> builder.start(build, many))
                .isInstanceOf(EngineException.class)
                .hasMessageContaining("at most 200 steps");
        assertThatThrownBy(() -> builder.files().has("../x")).isInstanceOf(EngineException.class);
    }

    @Test
    void aSandboxOfABuildIsEndedByItsOwnerLikeAnyOther() {
        TemplateBuild build = builder.announce("slow", 0, 0, 0);
        builder.start(build, request("", "", new BuildStep.Run("echo begun; sleep 600", Optional.empty())));
        Awaitility.await().atMost(BUILD).until(() -> log(build).contains("[1/1] begun"));

        engine().list().forEach(sandbox -> sandbox.kill(KillCause.USER));

        Awaitility.await().atMost(BUILD).until(build::ended);
        assertThat(build.state()).isEqualTo(TemplateBuild.State.ERROR);
    }
}
