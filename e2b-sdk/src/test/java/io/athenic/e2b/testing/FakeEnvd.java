package io.athenic.e2b.testing;

import io.athenic.e2b.protocol.ConnectCode;
import io.athenic.e2b.protocol.ConnectError;
import io.athenic.e2b.protocol.ConnectFrame;
import io.athenic.e2b.protocol.Empty;
import io.athenic.e2b.protocol.EntryInfo;
import io.athenic.e2b.protocol.ErrorBody;
import io.athenic.e2b.protocol.FileType;
import io.athenic.e2b.protocol.FilesystemApi;
import io.athenic.e2b.protocol.FilesystemApi.EntryResponse;
import io.athenic.e2b.protocol.FilesystemApi.PathRequest;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.ProcessApi;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/** Files in memory, by their path as it is sent, and the commands of {@link FakeProcesses}. */
public final class FakeEnvd {
    /** A path to which nothing can be written: the disk is full. */
    public static final String FULL = "/full";

    /** A directory is a path without bytes. */
    private final Map<String, Optional<byte[]>> files = new TreeMap<>();

    private final FakeProcesses processes = new FakeProcesses();

    void kill() {
        processes.kill();
    }

    synchronized void serve(HttpServerRequest request, byte[] body) {
        String path = FakeE2b.path(request);
        if (path.equals("/health")) {
            FakeE2b.answer(request, 204, new byte[0]);
        } else if (path.equals("/files")) {
            files(request, Objects.requireNonNullElse(request.getParam("path"), ""), body);
        } else if (path.startsWith(FilesystemApi.SERVICE)) {
            filesystem(request, path.substring(FilesystemApi.SERVICE.length()), body);
        } else if (path.startsWith(ProcessApi.SERVICE)) {
            processes.serve(request, path.substring(ProcessApi.SERVICE.length()), body);
        } else {
            FakeE2b.answer(request, 404, Json.write(new ErrorBody(404, "no such path")));
        }
    }

    private void files(HttpServerRequest request, String path, byte[] body) {
        if (request.method().name().equals("GET")) {
            Optional<byte[]> file = files.get(path);
            if (file == null) {
                FakeE2b.answer(request, 404, Json.write(new ErrorBody(404, "path '" + path + "' does not exist")));
            } else if (file.isEmpty()) {
                FakeE2b.answer(request, 400, Json.write(new ErrorBody(400, "path '" + path + "' is a directory")));
            } else {
                request.response().end(Buffer.buffer(file.get()));
            }
        } else if (path.equals(FULL)) {
            FakeE2b.answer(request, 507, Json.write(new ErrorBody(507, "no space left on device")));
        } else {
            files.put(path, Optional.of(body));
            String name = path.substring(path.lastIndexOf('/') + 1);
            var written = new FilesystemApi.WrittenFile(path, name, "file", null);
            FakeE2b.answer(request, 200, Json.write(List.of(written)));
        }
    }

    private void filesystem(HttpServerRequest request, String method, byte[] body) {
        switch (method) {
            case "Stat" -> entry(request, Json.read(body, PathRequest.class).path());
            case "MakeDir" -> {
                String path = Json.read(body, PathRequest.class).path();
                if (files.containsKey(path)) {
                    fail(request, ConnectCode.ALREADY_EXISTS, "directory already exists: " + path);
                } else {
                    files.put(path, Optional.empty());
                    entry(request, path);
                }
            }
            case "Move" -> {
                var move = Json.read(body, FilesystemApi.MoveRequest.class);
                Optional<byte[]> moved = files.remove(move.source());
                if (moved == null) {
                    fail(request, ConnectCode.NOT_FOUND, "path '" + move.source() + "' does not exist");
                } else {
                    files.put(move.destination(), moved);
                    entry(request, move.destination());
                }
            }
            case "Remove" -> {
                String path = Json.read(body, PathRequest.class).path();
                files.keySet().removeIf(key -> key.equals(path) || key.startsWith(path + "/"));
                FakeE2b.answer(request, 200, Json.write(Empty.EMPTY));
            }
            case "ListDir" -> {
                String prefix =
                        Json.read(body, FilesystemApi.ListDirRequest.class).path() + "/";
                List<EntryInfo> entries = files.keySet().stream()
                        .filter(key -> key.startsWith(prefix) && key.indexOf('/', prefix.length()) < 0)
                        .map(this::info)
                        .toList();
                FakeE2b.answer(request, 200, Json.write(new FilesystemApi.ListDirResponse(entries)));
            }
            default -> fail(request, ConnectCode.UNIMPLEMENTED, method);
        }
    }

    private void entry(HttpServerRequest request, String path) {
        if (files.containsKey(path)) {
            FakeE2b.answer(request, 200, Json.write(new EntryResponse(info(path))));
        } else {
            fail(request, ConnectCode.NOT_FOUND, "path '" + path + "' does not exist");
        }
    }

    private EntryInfo info(String path) {
        Optional<byte[]> file = Objects.requireNonNull(files.get(path));
        String name = path.substring(path.lastIndexOf('/') + 1);
        FileType type = file.isPresent() ? FileType.FILE : FileType.DIRECTORY;
        long size = file.map(bytes -> (long) bytes.length).orElse(0L);
        return new EntryInfo(name, type, path, size, 0644, "-rw-r--r--", "user", "user", Instant.EPOCH, null, null);
    }

    static void fail(HttpServerRequest request, ConnectCode code, String message) {
        FakeE2b.answer(request, code.httpStatus(), Json.write(new ConnectError(code, message)));
    }

    /** The one message of a server stream's request. */
    static byte[] message(byte[] envelope) {
        return Arrays.copyOfRange(envelope, ConnectFrame.HEADER, envelope.length);
    }
}
