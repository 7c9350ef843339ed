package io.athenic.e2b.server;

import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.ErrorBody;
import io.athenic.e2b.protocol.ForkResult;
import io.athenic.e2b.protocol.Requests;
import io.athenic.e2b.protocol.SnapshotInfo;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Failures;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.Engine;
import io.athenic.engine.Fork;
import io.athenic.engine.Sandbox;
import io.athenic.engine.Snapshot;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** E2B's calls for snapshots and forks. Ours hold the files; the memory is not in them, which every answer says. */
final class SnapshotApi {
    private static final int MAX_LIMIT = 100;

    private final Engine engine;
    private final SandboxViews views;

    SnapshotApi(Engine engine, SandboxViews views) {
        this.engine = engine;
        this.views = views;
    }

    private static final Comparator<Place> NEWEST_FIRST = Place.ORDER.reversed();

    private static Place place(Snapshot snapshot) {
        return new Place(snapshot.createdAt(), snapshot.id());
    }

    void create(Exchange exchange, Sandbox sandbox, Requests.NewSnapshot wish) {
        var name = wish.name();
        exchange.respondJson(201, info(engine.snapshot(sandbox, name == null ? "" : name)));
    }

    void list(Exchange exchange) {
        var sandbox = exchange.query("sandboxID").filter(text -> !text.isEmpty());
        var name = exchange.query("name").filter(text -> !text.isEmpty()).flatMap(engine::findSnapshot);
        var named = exchange.query("name").filter(text -> !text.isEmpty()).isPresent();
        var limit = limit(exchange.query("limit").orElse(""));
        var after = exchange.query("nextToken").filter(text -> !text.isEmpty()).map(Place::of);
        var found = engine.snapshots().stream()
                .filter(each -> sandbox.isEmpty() || sandbox.get().equals(each.sandboxId()))
                .filter(each -> !named || name.filter(each::equals).isPresent())
                .filter(each -> after.isEmpty() || NEWEST_FIRST.compare(place(each), after.get()) > 0)
                .limit((long) limit + 1)
                .toList();
        var page = found.size() > limit ? found.subList(0, limit) : found;
        if (found.size() > limit) {
            exchange.set(E2b.HEADER_NEXT_TOKEN, place(page.getLast()).token());
        }
        exchange.respondJson(200, page.stream().map(this::info).toList());
    }

    /** A snapshot is deleted as a template; false when there is none of that id. */
    boolean delete(String id) {
        return engine.deleteSnapshot(id);
    }

    void fork(Exchange exchange, Sandbox sandbox, int count, Duration timeout) {
        List<ForkResult> results =
                engine.fork(sandbox, count, timeout).stream().map(this::result).toList();
        exchange.respondJson(201, results);
    }

    private ForkResult result(Fork fork) {
        return switch (fork) {
            case Fork.Made made -> new ForkResult(views.info(made.sandbox()), null, false);
            case Fork.Failed failed ->
                new ForkResult(
                        null,
                        new ErrorBody(Failures.httpStatus(failed.code()), String.valueOf(failed.message())),
                        null);
        };
    }

    private SnapshotInfo info(Snapshot snapshot) {
        // A name that a newer snapshot has taken over is no longer this one's.
        var name = snapshot.name()
                .filter(text ->
                        engine.findSnapshot(text).filter(snapshot::equals).isPresent());
        return new SnapshotInfo(
                snapshot.id(),
                name.map(List::of).orElse(List.of()),
                snapshot.sandboxId(),
                snapshot.origin(),
                snapshot.createdAt(),
                snapshot.bytes(),
                false);
    }

    private static int limit(String text) {
        var limit = Optional.of(text)
                .filter(given -> !given.isEmpty())
                .map(SnapshotApi::number)
                .orElse(MAX_LIMIT);
        if (limit < 1 || limit > MAX_LIMIT) {
            throw new HttpFailure(400, "limit must be 1 to " + MAX_LIMIT);
        }
        return limit;
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}
