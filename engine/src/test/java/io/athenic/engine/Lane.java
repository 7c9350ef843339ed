package io.athenic.engine;

import io.athenic.engine.egress.NetworkWish;
import java.time.Duration;
import java.util.Map;

/** What a server does when it is killed: each with a sandbox of its own, all at the same time. */
enum Lane {
    CREATE {
        @Override
        String prepare(Engine engine) {
            return "-"; // it has none before
        }

        @Override
        void act(Engine engine, String subject) {
            sandbox(engine);
        }
    },
    DESTROY {
        @Override
        void act(Engine engine, String subject) {
            find(engine, subject).kill(KillCause.USER);
        }
    },
    PAUSE {
        @Override
        void act(Engine engine, String subject) {
            find(engine, subject).pause(true);
        }
    },
    PAUSE_FILES {
        @Override
        void act(Engine engine, String subject) {
            find(engine, subject).pause(false);
        }
    },
    RESUME {
        @Override
        String prepare(Engine engine) {
            return paused(engine, true);
        }

        @Override
        void act(Engine engine, String subject) {
            find(engine, subject).resume(LIFE);
        }
    },
    RESUME_FILES {
        @Override
        String prepare(Engine engine) {
            return paused(engine, false);
        }

        @Override
        void act(Engine engine, String subject) {
            find(engine, subject).resume(LIFE);
        }
    },
    RESUME_WITHOUT_MEMORY {
        @Override
        String prepare(Engine engine) {
            return paused(engine, true);
        }

        @Override
        void act(Engine engine, String subject) {
            find(engine, subject).resume(LIFE, false);
        }
    },
    SNAPSHOT {
        @Override
        void act(Engine engine, String subject) {
            engine.snapshot(find(engine, subject), "of-lane");
        }
    },
    FORK {
        @Override
        void act(Engine engine, String subject) {
            engine.fork(find(engine, subject), 1, LIFE);
        }
    },
    COMMIT {
        @Override
        void act(Engine engine, String subject) {
            engine.trees().commit(find(engine, subject), "0123456789abcdef0123456789abcdef");
        }
    };

    static final Duration LIFE = Duration.ofHours(1);

    /** Makes the sandbox that it is about; its id, or "-". */
    String prepare(Engine engine) {
        return sandbox(engine).id();
    }

    abstract void act(Engine engine, String subject);

    private static Sandbox sandbox(Engine engine) {
        return engine.create(
                new SandboxSpec("base", LIFE, Map.of(), Map.of(), false, NetworkWish.NONE, null, Lifecycle.KILL));
    }

    private static String paused(Engine engine, boolean memory) {
        Sandbox sandbox = sandbox(engine);
        sandbox.pause(memory);
        return sandbox.id();
    }

    private static Sandbox find(Engine engine, String id) {
        return engine.find(id).orElseThrow();
    }
}
