package io.athenic.engine;

/** Names a process of a sandbox. */
public sealed interface ProcessSelector {
    /** By its number in the room. */
    record Pid(int pid) implements ProcessSelector {
        public Pid {
            Check.argument(pid > 0, "pid must be positive, not " + pid);
        }
    }

    /** By the tag it was started with. */
    record Tag(String tag) implements ProcessSelector {
        public Tag {
            Check.text("tag", tag, 256);
        }
    }

    static ProcessSelector pid(int pid) {
        return new Pid(pid);
    }

    static ProcessSelector tag(String tag) {
        return new Tag(tag);
    }
}
