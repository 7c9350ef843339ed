package io.athenic.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The door of port 4000 before, while and after something stands behind it. */
class HttpEdgeTest {
    private final Vertx vertx = Vertx.vertx();
    private final HttpEdge edge = new HttpEdge(vertx, new EdgeGuard(""));
    private final HttpClient http = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        http.close();
        edge.close();
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }

    @Test
    void whatIsNotThereYetOrNoMoreIsAnsweredBy503() throws Exception {
        int port = edge.listen("127.0.0.1", 0);
        assertThat(ask(port).statusCode()).isEqualTo(503);

        var router = edge.router();
        router.get("/ask").handler(request -> request.end("served"));
        edge.serve(router, socket -> {});
        assertThat(ask(port).body()).isEqualTo("served");

        edge.refuse();
        HttpResponse<String> refused = ask(port);
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).contains("1");
        assertThat(refused.body()).contains("sandbox_unavailable", "starting or stopping");
    }

    private HttpResponse<String> ask(int port) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/ask"));
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
}
