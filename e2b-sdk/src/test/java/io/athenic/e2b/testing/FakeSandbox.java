package io.athenic.e2b.testing;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.ListedSandbox;
import io.athenic.e2b.protocol.NewSandbox;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/** A sandbox of {@link FakeE2b}. */
public final class FakeSandbox {
    private final String id;
    private final NewSandbox wanted;
    private final Instant startedAt;
    private final Set<HttpConnection> connections = ConcurrentHashMap.newKeySet();
    private final FakeCode code = new FakeCode();
    private final FakeEnvd envd = new FakeEnvd();
    private volatile Instant endAt;
    private final AtomicReference<Pause> pause = new AtomicReference<>(Pause.NONE);

    /** How a sandbox is paused. */
    public enum Pause {
        NONE,
        WITH_MEMORY,
        FILES_ONLY
    }

    FakeSandbox(String id, NewSandbox wanted, Instant now) {
        this.id = id;
        this.wanted = wanted;
        this.startedAt = now;
        this.endAt = now.plusSeconds(Objects.requireNonNullElse(wanted.timeout(), NewSandbox.DEFAULT_TIMEOUT));
    }

    public String id() {
        return id;
    }

    public NewSandbox wanted() {
        return wanted;
    }

    public Pause paused() {
        return pause.get();
    }

    boolean pause(boolean memory) {
        return pause.compareAndSet(Pause.NONE, memory ? Pause.WITH_MEMORY : Pause.FILES_ONLY);
    }

    void resume() {
        pause.set(Pause.NONE);
    }

    public Instant startedAt() {
        return startedAt;
    }

    public Instant endAt() {
        return endAt;
    }

    public FakeCode code() {
        return code;
    }

    public FakeEnvd envd() {
        return envd;
    }

    String token() {
        return "token-of-" + id;
    }

    String template() {
        return Objects.requireNonNullElse(wanted.templateId(), "base");
    }

    void setTimeout(int seconds) {
        endAt = Instant.now().plusSeconds(seconds);
    }

    void extend(int seconds) {
        Instant wantedEnd = Instant.now().plusSeconds(seconds);
        if (wantedEnd.isAfter(endAt)) {
            endAt = wantedEnd;
        }
    }

    ListedSandbox listed() {
        Map<String, String> metadata = Objects.requireNonNullElse(wanted.metadata(), Map.of());
        return new ListedSandbox(
                id, template(), "fake", null, startedAt, endAt, "running", 2, 512, 1024, E2b.ENVD_VERSION, metadata);
    }

    /** A connection is cut when the sandbox dies while it carries a request of that sandbox. */
    void track(HttpServerRequest request) {
        HttpConnection connection = request.connection();
        connections.add(connection);
        request.response().endHandler(v -> connections.remove(connection));
    }

    void kill() {
        code.kill();
        envd.kill();
        connections.forEach(HttpConnection::close);
    }
}
