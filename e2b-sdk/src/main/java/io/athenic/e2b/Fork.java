package io.athenic.e2b;

/** One of the copies that {@link Sandbox#fork} was asked for. */
public sealed interface Fork {
    record Made(Sandbox sandbox) implements Fork {}

    record Failed(SandboxException why) implements Fork {}
}
