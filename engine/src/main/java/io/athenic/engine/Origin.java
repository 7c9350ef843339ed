package io.athenic.engine;

import java.util.Optional;

/**
 * What a sandbox has from its template for as long as it lives, whatever becomes of the template.
 *
 * @param template the name that people know it by
 * @param user whom processes run as that name nobody; empty: the usual one
 * @param workdir where processes start that name no folder; empty: the user's home
 */
record Origin(String template, Optional<String> user, Optional<String> workdir) {
    static Origin of(Template template) {
        return new Origin(
                template.name(), template.settings().user(), template.settings().workdir());
    }

    /** Of a template of the installation, or one of which nothing else is known any more. */
    static Origin of(String template) {
        return new Origin(Templates.shown(template), Optional.empty(), Optional.empty());
    }
}
