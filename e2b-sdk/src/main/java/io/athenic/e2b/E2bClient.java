package io.athenic.e2b;

import com.fasterxml.jackson.core.type.TypeReference;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.ForkResult;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.ListedSandbox;
import io.athenic.e2b.protocol.NewSandbox;
import io.athenic.e2b.protocol.Requests;
import io.athenic.e2b.protocol.SandboxDetail;
import io.athenic.e2b.protocol.SandboxInfo;
import io.athenic.e2b.protocol.SnapshotInfo;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * E2B's control plane: makes, finds and ends sandboxes. Safe for many threads; one is enough for a program.
 *
 * <p>All methods throw {@link SandboxException} or one of its subclasses.
 */
public final class E2bClient implements AutoCloseable {
    /** Pages of a list that are followed at most: 100 sandboxes each. */
    private static final int MAX_PAGES = 100;

    private final E2bOptions options;
    private final Http http;

    public E2bClient(E2bOptions options) {
        this.options = options;
        this.http = new Http(options.requestTimeout());
    }

    /** By the environment's {@code E2B_*} variables. */
    public static E2bClient fromEnv() {
        return new E2bClient(E2bOptions.fromEnv());
    }

    public Sandbox create() {
        return create(CreateOptions.DEFAULT);
    }

    public Sandbox create(CreateOptions wanted) {
        var body = new NewSandbox(
                wanted.template(),
                Seconds.of(wanted.timeout()),
                wanted.metadata(),
                wanted.env(),
                wanted.secure(),
                wanted.allowInternetAccess(),
                wanted.onTimeout() == CreateOptions.OnTimeout.KILL ? null : true,
                wanted.onTimeout() == CreateOptions.OnTimeout.PAUSE_FILES ? false : null,
                wanted.autoResume() ? new NewSandbox.AutoResume(true) : null,
                null,
                null);
        return sandbox(call("POST", "/sandboxes", body));
    }

    /**
     * Connects to a sandbox and lets it live for {@code timeout} from now at least; a paused one is resumed.
     *
     * @throws SandboxNotFoundException there is none of that id
     */
    public Sandbox connect(String sandboxId, Duration timeout) {
        return sandbox(call("POST", path(sandboxId) + "/connect", new Requests.Timeout(Seconds.of(timeout))));
    }

    public Sandbox connect(String sandboxId) {
        return connect(sandboxId, CreateOptions.DEFAULT.timeout());
    }

    /** All sandboxes of this key, running and paused, newest first. */
    public List<ListedSandbox> list() {
        List<ListedSandbox> all = new ArrayList<>();
        String token = "";
        for (int page = 0; page < MAX_PAGES; page++) {
            String query = token.isEmpty() ? "" : "?nextToken=" + URLEncoder.encode(token, StandardCharsets.UTF_8);
            var request = request("GET", "/v2/sandboxes" + query, null);
            HttpResponse<byte[]> response = http.sendWhole(request);
            check(response.statusCode(), response.body());
            all.addAll(Json.read(response.body(), new TypeReference<List<ListedSandbox>>() {}));
            token = response.headers().firstValue(E2b.HEADER_NEXT_TOKEN).orElse("");
            if (token.isEmpty()) {
                break;
            }
        }
        return List.copyOf(all);
    }

    /**
     * What is known of a sandbox.
     *
     * @throws SandboxNotFoundException there is none of that id
     */
    public SandboxDetail getInfo(String sandboxId) {
        return Json.read(call("GET", path(sandboxId), null), SandboxDetail.class);
    }

    /**
     * Sets the time that is left, from now; it may shorten.
     *
     * @throws SandboxNotFoundException there is none of that id
     */
    public void setTimeout(String sandboxId, Duration timeout) {
        byte[] ignored = call("POST", path(sandboxId) + "/timeout", new Requests.Timeout(Seconds.of(timeout)));
    }

    /**
     * Stops a sandbox; {@link #connect} lets it go on.
     *
     * @param memory whether its processes are to go on then; without, its files stay and its processes end
     * @return false if it was paused already
     * @throws SandboxNotFoundException there is none of that id
     */
    public boolean pause(String sandboxId, boolean memory) {
        Http.Answer answer = http.send(request("POST", path(sandboxId) + "/pause", new Requests.Pause(memory)));
        if (answer.status() == 409) {
            return false;
        }
        check(answer.status(), answer.body());
        return true;
    }

    /**
     * Copies a sandbox's files; {@link #create} takes the snapshot's id or name as template. On Athenic's own server memory is not in it.
     *
     * @param name empty for none
     * @throws SandboxNotFoundException there is none of that id
     */
    public SnapshotInfo createSnapshot(String sandboxId, String name) {
        var body = new Requests.NewSnapshot(name.isEmpty() ? null : name);
        return Json.read(call("POST", path(sandboxId) + "/snapshots", body), SnapshotInfo.class);
    }

    /** All snapshots of this key, newest first. */
    public List<SnapshotInfo> listSnapshots() {
        return snapshots("?");
    }

    /** The snapshots that were taken of one sandbox, newest first. */
    public List<SnapshotInfo> listSnapshots(String sandboxId) {
        return snapshots("?sandboxID=" + URLEncoder.encode(sandboxId, StandardCharsets.UTF_8) + "&");
    }

    private List<SnapshotInfo> snapshots(String query) {
        List<SnapshotInfo> all = new ArrayList<>();
        String token = "";
        for (int page = 0; page < MAX_PAGES; page++) {
            String next = token.isEmpty() ? "" : "nextToken=" + URLEncoder.encode(token, StandardCharsets.UTF_8);
            HttpResponse<byte[]> response = http.sendWhole(request("GET", "/snapshots" + query + next, null));
            check(response.statusCode(), response.body());
            all.addAll(Json.read(response.body(), new TypeReference<List<SnapshotInfo>>() {}));
            token = response.headers().firstValue(E2b.HEADER_NEXT_TOKEN).orElse("");
            if (token.isEmpty()) {
                break;
            }
        }
        return List.copyOf(all);
    }

    /** Deletes a snapshot; sandboxes made from it live on. False if there is none of that id. */
    public boolean deleteSnapshot(String snapshotId) {
        Http.Answer answer = http.send(request("DELETE", path("/templates/", snapshotId), null));
        if (answer.status() == 404) {
            return false;
        }
        check(answer.status(), answer.body());
        return true;
    }

    /**
     * Makes copies of a running sandbox. On Athenic's own server they have its files, not its memory.
     *
     * @return for each a sandbox, or why there is none
     * @throws SandboxNotFoundException there is none of that id
     */
    public List<Fork> fork(String sandboxId, int count, Duration timeout) {
        byte[] answer = call("POST", path(sandboxId) + "/fork", new Requests.NewFork(Seconds.of(timeout), count));
        return Json.read(answer, new TypeReference<List<ForkResult>>() {}).stream()
                .map(this::fork)
                .toList();
    }

    private Fork fork(ForkResult result) {
        var made = result.sandbox();
        var error = result.error();
        if (made != null) {
            return new Fork.Made(new Sandbox(this, new SandboxLink(http, options, made)));
        }
        return new Fork.Failed(
                error == null
                        ? new SandboxException("the fork failed")
                        : Failures.ofControl(error.code(), Json.write(error)));
    }

    /** Ends a sandbox and all that runs in it; false if there is none of that id. */
    public boolean kill(String sandboxId) {
        try {
            byte[] ignored = call("DELETE", path(sandboxId), null);
            return true;
        } catch (SandboxNotFoundException e) {
            return false;
        }
    }

    /** Ends all connections of this client and of the sandboxes that it gave. The sandboxes themselves live on. */
    @Override
    public void close() {
        http.close();
    }

    private Sandbox sandbox(byte[] answer) {
        return new Sandbox(this, new SandboxLink(http, options, Json.read(answer, SandboxInfo.class)));
    }

    private static String path(String sandboxId) {
        if (sandboxId.isEmpty()) {
            throw new SandboxNotFoundException("the id of the sandbox is empty");
        }
        return path("/sandboxes/", sandboxId);
    }

    private static String path(String parent, String id) {
        String encoded = URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
        return parent + encoded.replace(".", "%2E");
    }

    private byte[] call(String method, String path, @Nullable Object body) {
        Http.Answer answer = http.send(request(method, path, body));
        check(answer.status(), answer.body());
        return answer.body();
    }

    private static void check(int status, byte[] body) {
        if (status / 100 != 2) {
            throw Failures.ofControl(status, body);
        }
    }

    private HttpRequest request(String method, String path, @Nullable Object body) {
        var publisher = body == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(Json.write(body));
        var builder = HttpRequest.newBuilder(URI.create(options.apiUrl() + path))
                .method(method, publisher)
                .header(E2b.HEADER_API_KEY, options.apiKey())
                .header("User-Agent", SandboxLink.USER_AGENT);
        if (body != null) {
            builder.header("Content-Type", E2b.JSON);
        }
        return builder.build();
    }
}
