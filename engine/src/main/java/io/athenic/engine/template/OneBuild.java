package io.athenic.engine.template;

import io.athenic.engine.Engine;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.KillCause;
import io.athenic.engine.Limits;
import io.athenic.engine.Sandbox;
import io.athenic.engine.SandboxSpec;
import io.athenic.engine.Template;
import io.athenic.engine.TemplateSettings;
import io.athenic.engine.Tree;
import io.athenic.engine.egress.NetworkWish;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The work of one build: each step in a sandbox on the tree of the step before. */
final class OneBuild {
    private static final Limits LIMITS = new Limits(2L << 30, 2000, 2048, 8L << 30, 1_000_000);
    private static final String FORMAT = "1";

    private final Engine engine;
    private final CopiedFiles files;
    private final TemplateBuild build;
    private final BuildRequest request;
    private final Template from;
    private final InstantSource clock;
    private final BuildLog log;

    OneBuild(
            Engine engine,
            CopiedFiles files,
            TemplateBuild build,
            BuildRequest request,
            Template from,
            InstantSource clock) {
        this.engine = engine;
        this.files = files;
        this.build = build;
        this.request = request;
        this.from = from;
        this.clock = clock;
        this.log = build.log();
    }

    /** The template, tried but not yet known to others. */
    Template run() {
        Map<String, Tree> known =
                engine.trees().list().stream().collect(Collectors.toMap(Tree::name, Function.identity()));
        log.add(BuildLog.Level.INFO, "[base] FROM " + from.name());
        BuildState state = BuildState.of(from.settings());
        Optional<Tree> tree = from.tree()
                .map(name -> Optional.ofNullable(known.get(name))
                        .orElseThrow(() -> new StepFailure(
                                "base", "the files of template '" + from.name() + "' are gone: build it again")));
        String version = from.tree().orElseGet(() -> engine.templateVersion(from.base()));
        boolean force = request.force();
        List<BuildRequest.Step> steps = request.steps();
        for (int i = 0; i < steps.size(); i++) {
            BuildStep step = steps.get(i).what();
            String number = String.valueOf(i + 1);
            String title = "[" + number + "/" + steps.size() + "] ";
            state = state.after(step);
            if (!(step instanceof BuildStep.Run || step instanceof BuildStep.Copy)) {
                log.add(BuildLog.Level.INFO, title + step.text());
                continue;
            }
            force |= steps.get(i).force();
            version = force ? fresh() : version(version, step, state);
            Tree there = known.get(version);
            if (there != null) {
                log.add(BuildLog.Level.INFO, title + "CACHED " + step.text());
                tree = Optional.of(there);
            } else {
                log.add(BuildLog.Level.INFO, title + step.text());
                tree = Optional.of(step(number, title, step, state, tree, version));
            }
        }
        Template made = template(state, tree);
        tryOut(made);
        return made;
    }

    private Tree step(String number, String title, BuildStep step, BuildState state, Optional<Tree> on, String name) {
        String root = on.map(tree -> from.base() + "+" + tree.name()).orElse(from.base());
        Instant began = clock.instant();
        Sandbox sandbox = null;
        try {
            sandbox = engine.create(spec(root));
            var runner = new StepRunner(sandbox, log, title);
            switch (step) {
                case BuildStep.Run run -> runner.run(run, state);
                case BuildStep.Copy copy -> runner.copy(copy, state, files);
                default -> throw new IllegalStateException("not a step that runs: " + step);
            }
            Tree made = engine.trees().commit(sandbox, name);
            long millis = Duration.between(began, clock.instant()).toMillis();
            log.add(
                    BuildLog.Level.INFO,
                    title + "done in " + millis / 1000 + "." + millis % 1000 / 100 + " s, " + size(made.ownBytes())
                            + " kept");
            return made;
        } catch (EngineException e) {
            throw new StepFailure(number, "step " + number + " failed: " + step.text() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StepFailure(number, "the server was stopped during the build", e);
        } finally {
            if (sandbox != null) {
                sandbox.kill(KillCause.USER);
            }
        }
    }

    private static String size(long bytes) {
        return bytes < 10 << 20 ? (bytes >> 10) + " KiB" : (bytes >> 20) + " MiB";
    }

    private SandboxSpec spec(String root) {
        return new SandboxSpec(
                root,
                StepRunner.LIMIT.plus(Duration.ofMinutes(20)),
                Map.of("athenic.build", build.name()),
                Map.of(),
                true,
                NetworkWish.BUILD,
                LIMITS);
    }

    private Template template(BuildState state, Optional<Tree> tree) {
        Optional<Template> before = engine.templates().find(build.name());
        TemplateSettings old = from.settings();
        var settings = new TemplateSettings(
                state.env(),
                Optional.of(state.user()),
                Optional.of(state.workdir()).filter(path -> !path.isEmpty()),
                request.start().or(old::start),
                request.ready().or(() -> request.start().isPresent() ? Optional.empty() : old.ready()),
                build.cpuMillis() == 0 ? old.cpuMillis() : build.cpuMillis(),
                build.memoryBytes() == 0 ? old.memoryBytes() : build.memoryBytes(),
                build.diskBytes() == 0 ? old.diskBytes() : build.diskBytes());
        Instant now = clock.instant();
        return new Template(
                build.name(),
                from.base(),
                tree.map(Tree::name),
                settings,
                tree.map(Tree::bytes).orElse(0L),
                before.map(Template::createdAt).orElse(now),
                now,
                build.id(),
                before.map(Template::builds).orElse(0) + 1);
    }

    /** A template that makes no sandbox does not replace one that does. */
    private void tryOut(Template made) {
        log.add(BuildLog.Level.INFO, "[finalize] trying it out");
        try {
            boolean _ = engine.tryOut(made, Duration.ofMinutes(3)).kill(KillCause.USER);
        } catch (EngineException e) {
            throw new StepFailure("finalize", String.valueOf(e.getMessage()), e);
        }
    }

    /** The name of the tree that a step leaves: the same for the same step after the same steps. */
    private static String version(String parent, BuildStep step, BuildState state) {
        var text = new StringBuilder();
        part(text, FORMAT);
        part(text, parent);
        part(text, state.user());
        part(text, state.workdir());
        new TreeMap<>(state.env()).forEach((key, value) -> {
            part(text, key);
            part(text, value);
        });
        switch (step) {
            case BuildStep.Run run -> {
                part(text, "run");
                part(text, run.command());
                part(text, run.user().orElse(""));
            }
            case BuildStep.Copy copy -> {
                part(text, "copy");
                part(text, copy.source());
                part(text, copy.target());
                part(text, copy.user().orElse(""));
                part(text, copy.mode().orElse(""));
                part(text, copy.files());
            }
            default -> throw new IllegalStateException("not a step that runs: " + step);
        }
        return digest(text.toString());
    }

    private static void part(StringBuilder text, String part) {
        text.append(part.length()).append(':').append(part);
    }

    private String fresh() {
        return digest(build.id() + " " + System.nanoTime());
    }

    private static String digest(String text) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new EngineException(ErrorCode.INTERNAL, "this Java has no SHA-256", e);
        }
    }
}
