package io.athenic.server;

import org.jspecify.annotations.Nullable;

/** The version that the build wrote into the jar. */
final class Version {
    private Version() {}

    static String of(Class<?> type) {
        @Nullable String version = type.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
