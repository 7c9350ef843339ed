package io.athenic.e2b.server;

import io.athenic.e2b.protocol.NewSandbox;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Lifecycle;
import io.athenic.engine.Lifecycle.OnTimeout;

/** What a create wants at the timeout and on traffic, by E2B's rules. */
final class Lifecycles {
    private Lifecycles() {}

    static Lifecycle of(NewSandbox wish) {
        var pause = Boolean.TRUE.equals(wish.autoPause());
        var memory = !Boolean.FALSE.equals(wish.autoPauseMemory());
        var given = wish.autoResume();
        var resume = given != null && Boolean.TRUE.equals(given.enabled());
        if (wish.autoPauseMemory() != null && !pause) {
            throw new HttpFailure(400, "autoPauseMemory is possible only with autoPause");
        }
        if (resume && !pause) {
            throw new HttpFailure(400, "autoResume is possible only with autoPause");
        }
        if (resume && !memory) {
            throw new HttpFailure(400, "autoResume is not possible with autoPauseMemory=false: resume it by connect");
        }
        if (!pause) {
            return Lifecycle.KILL;
        }
        return new Lifecycle(memory ? OnTimeout.PAUSE : OnTimeout.PAUSE_FILES, resume);
    }
}
