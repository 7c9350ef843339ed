package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.Http.Answer;
import io.athenic.e2e.product.Product;
import io.athenic.e2e.product.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The disk of the data folder is full while the product runs: each request says so, nothing is left behind, and all is well when it has space again. */
class DiskFullTest {
    private static final String FULL = "the disk of the data folder is full: free space on it";
    private static final Duration SOON = Duration.ofSeconds(60);

    @Test
    void everythingThatNeedsSpaceSaysSoAndWorksAgainLater() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(2L << 30);
                Product product = Product.start(Product.newData(disk.folder()), Map.of("ATHENIC_POOL_SIZE", "0"))) {
            var app = new Http(product.port());
            var e2b = new E2b(new Http(product.e2bPort()), product.apiKey());
            String used = app.post("/create-sandbox", Map.of())
                    .expect(200)
                    .json()
                    .path("sandboxId")
                    .asText();
            app.python("kept = 41", used);
            String other = e2b.create().expect(201).json().path("sandboxID").asText();
            var talk = new Talk(product.port());

            disk.fill();
            List<String> before = files(product.data());

            says(e2b.create(), 429, FULL); // where its files would lie
            says(e2b.post(other + "/pause", Map.of()), 429, FULL); // roomd's record
            says(e2b.post(other + "/snapshots", Map.of()), 429, "delete snapshots or other files");
            e2b.post(other + "/timeout", Map.of("timeout", 3000)).expect(204); // the engine's record: written later
            JsonNode record = record(product, other);
            says(app.post("/api/threads", Map.of()), 429, "is full: free space on it"); // the database
            assertThat(Http.stdout(app.python("print(kept + 1)", used))).isEqualTo("42\n");
            Answer large = app.python("for i in range(60000): print('y' * 100)", used);
            assertThat(Http.stdout(large)).contains("the disk of the data folder is full");
            assertThat(Http.stdout(app.python("print(1 + 1)", other))).isEqualTo("2\n"); // it was not paused
            app.get("/health").expect(200);
            assertThat(awaitFiles(product.data(), before)).isEqualTo(before);
            awaitRooms(product, 2);

            disk.free();

            assertThat(Http.stdout(app.python("print(kept + 1)", used))).isEqualTo("42\n");
            awaitNewer(product, other, record);
            e2b.post(other + "/pause", Map.of()).expect(204);
            e2b.post(other + "/connect", Map.of("timeout", 300)).expect(201);
            String snapshot = snapshot(e2b, other);
            String made =
                    e2b.create(snapshot).expect(201).json().path("sandboxID").asText();
            assertThat(Http.stdout(app.python("print(2 + 2)", made))).isEqualTo("4\n");
            assertThat(talk.run("print(3 + 3)")).isEqualTo("6\n");
            Answer whole = app.python("for i in range(60000): print('y' * 100)", made);
            assertThat(Http.stdout(whole)).doesNotContain("is full").contains("the rest is at");
            talk.close();
        }
    }

    /** What the kernel could not write back while the disk was full is told once. */
    private static String snapshot(E2b e2b, String sandbox) {
        Answer first = e2b.post(sandbox + "/snapshots", Map.of());
        Answer taken = first.text().contains("another try") ? e2b.post(sandbox + "/snapshots", Map.of()) : first;
        return taken.expect(201).json().path("snapshotID").asText();
    }

    private static void says(Answer answer, int status, String text) {
        assertThat(answer.expect(status).text()).contains(text);
    }

    private record E2b(Http http, String key) {
        Answer create() {
            return create("base");
        }

        Answer create(String template) {
            return send("/sandboxes", Map.of("templateID", template, "timeout", 600));
        }

        Answer post(String path, Map<String, ?> body) {
            return send("/sandboxes/" + path, body);
        }

        private Answer send(String path, Map<String, ?> body) {
            return http.send(
                    "POST",
                    path,
                    java.net.http.HttpRequest.BodyPublishers.ofString(Http.encode(body)),
                    Map.of("Content-Type", "application/json", "X-API-Key", key));
        }
    }

    private static JsonNode record(Product product, String sandbox) throws IOException {
        return Http.JSON.readTree(
                product.data().resolve("app/sandboxes/" + sandbox + ".json").toFile());
    }

    private static void awaitNewer(Product product, String sandbox, JsonNode old) throws IOException {
        long end = System.nanoTime() + SOON.toNanos();
        while (record(product, sandbox).path("endAt").equals(old.path("endAt"))) {
            assertThat(System.nanoTime()).as("the record is written again").isLessThan(end);
            Product.pause(50);
        }
    }

    private static void awaitRooms(Product product, long wanted) {
        long end = System.nanoTime() + SOON.toNanos();
        while (product.leftovers().rooms() != wanted && System.nanoTime() < end) {
            Product.pause(50);
        }
        assertThat(product.leftovers().rooms()).isEqualTo(wanted);
    }

    /** Until it is these: a record that is tried again has a draft for a moment. */
    private static List<String> awaitFiles(Path data, List<String> wanted) throws IOException {
        long end = System.nanoTime() + SOON.toNanos();
        List<String> found = files(data);
        while (!found.equals(wanted) && System.nanoTime() < end) {
            Product.pause(50);
            found = files(data);
        }
        return found;
    }

    /** Images, records and drafts of sandboxes, snapshots and kept disks. */
    private static List<String> files(Path data) throws IOException {
        List<String> all = new java.util.ArrayList<>();
        for (String folder : List.of("sandboxes", "snapshots", "kept", "disks", "app/sandboxes")) {
            try (Stream<Path> files = Files.list(data.resolve(folder))) {
                files.forEach(file -> all.add(folder + "/" + file.getFileName()));
            }
        }
        all.sort(String::compareTo);
        return all;
    }
}
