package io.athenic.e2b.server;

import io.athenic.engine.testing.EngineFixture;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.InstantSource;

/** Serves the E2B API over a real engine until stdin ends: for runs of the SDKs by hand. Arguments: port, API key. */
public final class SmokeServer {
    private SmokeServer() {}

    public static void main(String[] args) throws IOException {
        var port = Integer.parseInt(args[0]);
        var vertx = Vertx.vertx();
        try (var fixture = EngineFixture.start();
                var server = E2bServer.start(
                        vertx,
                        E2bServerConfig.of("127.0.0.1", port, args[1]),
                        fixture.engine(),
                        InstantSource.system())) {
            System.out.println("serving on " + server.port());
            while (System.in.read() >= 0) {}
        } finally {
            vertx.close().toCompletionStage().toCompletableFuture().join();
        }
    }
}
