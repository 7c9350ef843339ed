package io.athenic.engine;

import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sees to it that a template's zygote runs before rooms are made from it. One start at a time for each template. */
final class Zygotes {
    /** It imports numpy, pandas and matplotlib: seconds, on a busy machine many. */
    private static final Duration START = Duration.ofMinutes(2);

    /** Each holds some 150 MB. Beyond it the one that was needed last the longest ago is stopped; its guests live on. */
    private static final int MOST = 8;

    private static final Logger LOG = LoggerFactory.getLogger(Zygotes.class);

    private final RoomdClient roomd;
    private final Templates templates;
    private final Map<String, CompletableFuture<Boolean>> running = new ConcurrentHashMap<>();
    private final Map<String, Long> used = new ConcurrentHashMap<>();

    Zygotes(RoomdClient roomd, Templates templates) {
        this.roomd = roomd;
        this.templates = templates;
    }

    /** Returns when the zygote of that sandbox's template can fork. */
    void ensure(String name) {
        String template = Templates.zygote(name);
        used.put(template, System.nanoTime());
        CompletableFuture<Boolean> mine = new CompletableFuture<>();
        CompletableFuture<Boolean> other = running.putIfAbsent(template, mine);
        if (other != null) {
            await(template, other);
            return;
        }
        try {
            var request = Json.object().put("template", template);
            request.put("path", templates.path(template).toString());
            roomd.call("zygote.start", request, START);
            mine.complete(true);
            stopOneTooMany();
        } catch (RuntimeException e) {
            running.remove(template, mine);
            mine.completeExceptionally(e);
            throw e;
        }
    }

    private void stopOneTooMany() {
        if (running.size() > MOST) {
            running.entrySet().stream()
                    .filter(each -> !each.getKey().equals(Templates.DEFAULT)
                            && each.getValue().isDone())
                    .map(Map.Entry::getKey)
                    .min(Comparator.comparing(each -> used.getOrDefault(each, 0L)))
                    .ifPresent(this::stop);
        }
    }

    /** Ends a zygote that may be started again; one that does not run is no error. */
    void stop(String template) {
        running.remove(template);
        used.remove(template);
        try {
            roomd.call("zygote.stop", Json.object().put("template", template), START);
        } catch (EngineException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                LOG.warn("The zygote of template {} could not be stopped: {}", template, e.getMessage());
            }
        }
    }

    /** Ends those of templates that were built here and are not wanted any more. */
    void stopUnless(Predicate<String> wanted) {
        running.forEach((template, start) -> {
            if (start.isDone() && Templates.isOfTree(template) && !wanted.test(template)) {
                stop(template);
            }
        });
    }

    private static void await(String template, CompletableFuture<Boolean> start) {
        try {
            start.get(START.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof EngineException cause) {
                throw new EngineException(cause.code(), String.valueOf(cause.getMessage()), cause);
            }
            throw new EngineException(ErrorCode.INTERNAL, "template '" + template + "' could not be started", e);
        } catch (TimeoutException e) {
            throw new EngineException(
                    ErrorCode.DEADLINE_EXCEEDED, "template '" + template + "' did not start in time", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(ErrorCode.UNAVAILABLE, "interrupted while a template started", e);
        }
    }

    /** The next {@link #ensure} starts it again. */
    void exited(String name) {
        running.remove(Templates.zygote(name));
    }
}
