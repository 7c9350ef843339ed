package io.athenic.engine.template;

import io.athenic.engine.TemplateSettings;
import java.util.Map;
import java.util.TreeMap;

/**
 * What holds for the next step.
 *
 * @param workdir empty: the user's home
 */
record BuildState(Map<String, String> env, String user, String workdir) {
    private static final String USER = "user";

    /** What a template starts with that is built from one with these settings. */
    static BuildState of(TemplateSettings settings) {
        return new BuildState(
                settings.env(), settings.user().orElse(USER), settings.workdir().orElse(""));
    }

    BuildState after(BuildStep step) {
        return switch (step) {
            case BuildStep.Env more -> {
                Map<String, String> all = new TreeMap<>(env);
                all.putAll(more.variables());
                yield new BuildState(all, user, workdir);
            }
            case BuildStep.User other -> new BuildState(env, other.name(), workdir);
            case BuildStep.Workdir other -> new BuildState(env, user, under(other.path()));
            case BuildStep.Run _, BuildStep.Copy _ -> this;
        };
    }

    private String under(String path) {
        return path.startsWith("/") ? path : (workdir.isEmpty() ? "/home/user" : workdir) + "/" + path;
    }
}
