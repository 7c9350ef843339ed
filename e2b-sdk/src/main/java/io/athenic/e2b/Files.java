package io.athenic.e2b;

import com.fasterxml.jackson.core.type.TypeReference;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Empty;
import io.athenic.e2b.protocol.EntryInfo;
import io.athenic.e2b.protocol.FileType;
import io.athenic.e2b.protocol.FilesystemApi;
import io.athenic.e2b.protocol.FilesystemApi.EntryResponse;
import io.athenic.e2b.protocol.FilesystemApi.WrittenFile;
import io.athenic.e2b.protocol.Json;
import java.io.InputStream;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/** The files of a sandbox, as its default user. A relative path is below that user's home. */
public final class Files {
    /** For moving the bytes of a file: its size is the caller's. */
    private static final Duration TRANSFER_TIMEOUT = Duration.ofHours(1);

    private final SandboxLink link;
    private final Rpc rpc;

    Files(SandboxLink link) {
        this.link = link;
        this.rpc = new Rpc(link, FilesystemApi.SERVICE, true);
    }

    /** A file as UTF-8 text, 64 MiB at most. */
    public String read(String path) {
        return new String(readBytes(path), StandardCharsets.UTF_8);
    }

    /** A file, 64 MiB at most; a larger one fails: use {@link #readStream}. */
    public byte[] readBytes(String path) {
        var request = link.request(E2b.ENVD_PORT, filePath(path)).GET().build();
        Http.Answer answer = link.send(request, TRANSFER_TIMEOUT);
        check(answer.status(), answer.body());
        return answer.body();
    }

    /** A file of any size. Close the stream: before the end, that ends the transfer. */
    public InputStream readStream(String path) {
        var request = link.request(E2b.ENVD_PORT, filePath(path)).GET().build();
        HttpResponse<InputStream> response = link.open(request);
        if (response.statusCode() / 100 != 2) {
            throw Failures.ofFiles(link.id(), response.statusCode(), CodeInterpreter.start(response.body()));
        }
        return response.body();
    }

    public WrittenFile write(String path, String text) {
        return write(path, text.getBytes(StandardCharsets.UTF_8));
    }

    public WrittenFile write(String path, byte[] bytes) {
        return write(path, BodyPublishers.ofByteArray(bytes));
    }

    /** Writes what the stream gives; it is closed afterwards. Missing directories are made; an existing file is replaced. */
    public WrittenFile write(String path, Supplier<? extends InputStream> bytes) {
        return write(path, BodyPublishers.ofInputStream(bytes));
    }

    /** What is in a directory, in name order. */
    public List<EntryInfo> list(String path) {
        return list(path, 1);
    }

    /**
     * What is in a directory and below, depth first in name order.
     *
     * @param depth how many levels below the directory
     */
    public List<EntryInfo> list(String path, int depth) {
        if (depth < 1) {
            throw new InvalidArgumentException("depth is below 1: " + depth);
        }
        var request = new FilesystemApi.ListDirRequest(path, depth);
        return rpc.call("ListDir", request, FilesystemApi.ListDirResponse.class).entries().stream()
                .filter(entry -> entry.type() != FileType.UNSPECIFIED)
                .toList();
    }

    /**
     * What is known of a path.
     *
     * @throws FileNotFoundException there is nothing of that path
     */
    public EntryInfo stat(String path) {
        return rpc.call("Stat", new FilesystemApi.PathRequest(path), EntryResponse.class)
                .entry();
    }

    public boolean exists(String path) {
        try {
            return !stat(path).path().isEmpty();
        } catch (FileNotFoundException e) {
            return false;
        }
    }

    /** Makes a directory and its parents; false if it is there already. */
    public boolean makeDir(String path) {
        try {
            EntryResponse ignored = rpc.call("MakeDir", new FilesystemApi.PathRequest(path), EntryResponse.class);
            return true;
        } catch (Rpc.AlreadyExistsException e) {
            return false;
        }
    }

    /** Removes a file, or a directory with all that is in it; nothing there is no error. */
    public void remove(String path) {
        Empty ignored = rpc.call("Remove", new FilesystemApi.PathRequest(path), Empty.class);
    }

    public EntryInfo rename(String from, String to) {
        return rpc.call("Move", new FilesystemApi.MoveRequest(from, to), EntryResponse.class)
                .entry();
    }

    private WrittenFile write(String path, BodyPublisher body) {
        HttpRequest request = link.request(E2b.ENVD_PORT, filePath(path))
                .header("Content-Type", "application/octet-stream")
                .POST(body)
                .build();
        Http.Answer answer = link.send(request, TRANSFER_TIMEOUT);
        check(answer.status(), answer.body());
        List<WrittenFile> written = Json.read(answer.body(), new TypeReference<List<WrittenFile>>() {});
        if (written.isEmpty()) {
            throw new SandboxException("the server did not say what it wrote to " + path);
        }
        return written.get(0);
    }

    private void check(int status, byte[] body) {
        if (status / 100 != 2) {
            throw Failures.ofFiles(link.id(), status, body);
        }
    }

    private static String filePath(String path) {
        return "/files?path=" + URLEncoder.encode(path, StandardCharsets.UTF_8);
    }
}
