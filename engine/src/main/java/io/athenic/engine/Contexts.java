package io.athenic.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The contexts of one sandbox. */
final class Contexts {
    /** Each is a process of some 10 MiB. */
    static final int MAX = 32;

    private final Room room;
    private final Map<String, String> env;
    private final Ids ids;
    private final Runnable usable;
    private final Runnable changed;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<String, CodeContext> byId = new LinkedHashMap<>();

    @GuardedBy("lock")
    private final Map<String, CodeContext> defaults = new HashMap<>();

    /** Without any context; {@link #begin} or {@link #restore} follows. */
    Contexts(Room room, Map<String, String> env, Ids ids, Runnable usable, Runnable changed) {
        this.room = room;
        this.env = env;
        this.ids = ids;
        this.usable = usable;
        this.changed = changed;
    }

    /** Makes those that a new sandbox has, with the kernel that was warmed in the pool. */
    void begin(Guest python) {
        standard(Languages.PYTHON).adopt(python);
        CodeContext _ = standard(Languages.JAVASCRIPT);
    }

    /** Makes those of a record; the kernels that live go on. */
    void restore(List<SandboxRecord.Context> records) {
        lock.lock();
        try {
            for (SandboxRecord.Context record : records) {
                CodeContext made = add(record.id(), record.language(), record.cwd());
                made.restore(record.guest() == null ? null : room.guest(record.guest()), record);
                if (record.standard()) {
                    defaults.put(record.language(), made);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    List<SandboxRecord.Context> records() {
        lock.lock();
        try {
            List<SandboxRecord.Context> records = new ArrayList<>();
            for (CodeContext context : byId.values()) {
                records.add(context.record(defaults.containsValue(context)));
            }
            return records;
        } finally {
            lock.unlock();
        }
    }

    List<CodeContext> list() {
        lock.lock();
        try {
            return new ArrayList<>(byId.values());
        } finally {
            lock.unlock();
        }
    }

    Optional<CodeContext> find(String id) {
        lock.lock();
        try {
            return Optional.ofNullable(byId.get(id));
        } finally {
            lock.unlock();
        }
    }

    CodeContext require(String id) {
        return find(id).orElseThrow(() ->
                new EngineException(ErrorCode.NOT_FOUND, "Context " + Texts.shorten(id, 100) + " not found"));
    }

    /** The default context of a language; its kernel starts at the first execution. */
    CodeContext ofLanguage(String language) {
        CodeContext context = known(language);
        if (context == null) {
            context = standard(language);
            changed.run();
        }
        return context;
    }

    private @Nullable CodeContext known(String language) {
        lock.lock();
        try {
            return defaults.get(language);
        } finally {
            lock.unlock();
        }
    }

    private CodeContext standard(String language) {
        lock.lock();
        try {
            CodeContext known = defaults.get(language);
            if (known != null) {
                return known;
            }
            CodeContext made = add(ids.context(), language, CodeContext.HOME);
            defaults.put(language, made);
            return made;
        } finally {
            lock.unlock();
        }
    }

    CodeContext create(String language, String cwd) {
        CodeContext made;
        lock.lock();
        try {
            made = add(ids.context(), language, cwd);
        } finally {
            lock.unlock();
        }
        try {
            made.start();
            return made;
        } catch (RuntimeException e) {
            forget(made.id());
            throw e;
        }
    }

    @GuardedBy("lock")
    private CodeContext add(String id, String language, String cwd) {
        if (byId.size() >= MAX) {
            throw new EngineException(
                    ErrorCode.RESOURCE_EXHAUSTED, "a sandbox has at most " + MAX + " contexts: remove one first");
        }
        CodeContext made = new CodeContext(id, language, cwd, room, env, usable, changed);
        byId.put(made.id(), made);
        return made;
    }

    void remove(String id) {
        CodeContext context = require(id);
        forget(id);
        changed.run();
        context.remove();
    }

    private void forget(String id) {
        lock.lock();
        try {
            CodeContext context = byId.remove(id);
            if (context != null) {
                defaults.remove(context.language(), context);
            }
        } finally {
            lock.unlock();
        }
    }

    void close(String because) {
        list().forEach(context -> context.close(because));
    }
}
