package io.athenic.engine;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Sees to it that a template's zygote runs before rooms are made from it. One start at a time for each template. */
final class Zygotes {
    /** It imports numpy, pandas and matplotlib: seconds, on a busy machine many. */
    private static final Duration START = Duration.ofMinutes(2);

    private final RoomdClient roomd;
    private final Templates templates;
    private final Map<String, CompletableFuture<Boolean>> running = new ConcurrentHashMap<>();

    Zygotes(RoomdClient roomd, Templates templates) {
        this.roomd = roomd;
        this.templates = templates;
    }

    /** Returns when the zygote can fork. */
    void ensure(String template) {
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
        } catch (RuntimeException e) {
            running.remove(template, mine);
            mine.completeExceptionally(e);
            throw e;
        }
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
    void exited(String template) {
        running.remove(template);
    }
}
