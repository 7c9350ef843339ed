package io.athenic.e2b.server.envd;

import io.athenic.e2b.protocol.Empty;
import io.athenic.e2b.protocol.FilesystemApi.EntryResponse;
import io.athenic.e2b.protocol.FilesystemApi.ListDirRequest;
import io.athenic.e2b.protocol.FilesystemApi.ListDirResponse;
import io.athenic.e2b.protocol.FilesystemApi.MoveRequest;
import io.athenic.e2b.protocol.FilesystemApi.PathRequest;
import io.athenic.e2b.protocol.FilesystemApi.WatchDirResponse;
import io.athenic.e2b.protocol.FilesystemApi.WatchRequest;
import io.athenic.e2b.protocol.FilesystemApi.WatcherEvents;
import io.athenic.e2b.protocol.FilesystemApi.WatcherId;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** {@code filesystem.Filesystem}. */
final class FilesystemRpc implements AutoCloseable {
    private static final int MAX_DEPTH = 1000;

    private final Watchers watchers = new Watchers();

    void handle(Exchange exchange, Sandbox sandbox, String method) throws IOException, InterruptedException {
        var call = new ConnectCall(exchange);
        var agent = sandbox.agent();
        if (method.equals("WatchDir")) {
            watch(exchange, call, sandbox);
            return;
        }
        if (method.equals("ListDir")) {
            try (var memory = agent.answerMemory()) { // until the answer is on its way
                call.unary(() -> {
                    var request = call.request(ListDirRequest.class);
                    // An unsigned 32-bit number on the wire.
                    var depth = Math.clamp(Integer.toUnsignedLong(request.depth()), 1, MAX_DEPTH);
                    var user = EnvdAuth.basicUser(exchange);
                    return new ListDirResponse(agent.list(request.path(), depth, user, memory).stream()
                            .map(Entries::info)
                            .toList());
                });
            }
            return;
        }
        call.unary(() -> {
            var user = EnvdAuth.basicUser(exchange);
            return switch (method) {
                case "Stat" -> entry(agent.stat(call.request(PathRequest.class).path(), user));
                case "MakeDir" ->
                    entry(agent.makeDir(call.request(PathRequest.class).path(), user));
                case "Move" -> {
                    var request = call.request(MoveRequest.class);
                    yield entry(agent.move(request.source(), request.destination(), user));
                }
                case "Remove" -> {
                    agent.remove(call.request(PathRequest.class).path(), user);
                    yield Empty.EMPTY;
                }
                case "CreateWatcher" -> {
                    var request = call.request(WatchRequest.class);
                    yield new WatcherId(watchers.create(
                            sandbox, agent.watch(request.path(), request.recursive(), request.includeEntry(), user)));
                }
                case "GetWatcherEvents" ->
                    new WatcherEvents(
                            watchers.take(sandbox, call.request(WatcherId.class).watcherId()));
                case "RemoveWatcher" -> {
                    watchers.remove(sandbox, call.request(WatcherId.class).watcherId());
                    yield Empty.EMPTY;
                }
                default -> throw new HttpFailure(501, "filesystem.Filesystem has no method " + method);
            };
        });
    }

    private static EntryResponse entry(io.athenic.engine.Entry entry) {
        return new EntryResponse(Entries.info(entry));
    }

    private static void watch(Exchange exchange, ConnectCall call, Sandbox sandbox)
            throws IOException, InterruptedException {
        var messages = call.messages();
        if (messages == null) {
            return;
        }
        try {
            var request = messages.single(WatchRequest.class);
            var keepalive = call.keepalive();
            Optional<Long> deadline = call.timeout().map(left -> System.nanoTime() + left.toNanos());
            try (var stream = sandbox.agent()
                    .watch(request.path(), request.recursive(), request.includeEntry(), EnvdAuth.basicUser(exchange))) {
                exchange.onClose(stream::close);
                messages.send(WatchDirResponse.START);
                while (true) {
                    var left = deadline.map(at -> at - System.nanoTime()).orElse(Long.MAX_VALUE);
                    if (left <= 0) {
                        messages.end(ConnectCall.error(
                                new EngineException(ErrorCode.DEADLINE_EXCEEDED, "the time of the call is over")));
                        return;
                    }
                    var idle = left < keepalive.toNanos() ? Duration.ofNanos(left) : keepalive;
                    var event = stream.next(messages.patience(idle));
                    if (event != null) {
                        messages.send(WatchDirResponse.of(Entries.event(event)));
                    } else if (!messages.flush() && idle.equals(keepalive)) {
                        messages.send(WatchDirResponse.KEEPALIVE);
                        messages.flush();
                    }
                }
            }
        } catch (EngineException e) {
            if (e.code() == ErrorCode.UNAVAILABLE) {
                throw e;
            }
            messages.end(ConnectCall.error(e));
        } catch (HttpFailure | JsonException e) {
            messages.end(ConnectCall.error(e));
        }
    }

    @Override
    public void close() {
        watchers.close();
    }
}
