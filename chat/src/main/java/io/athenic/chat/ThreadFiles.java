package io.athenic.chat;

import io.athenic.chat.run.SandboxFiles;
import io.athenic.chat.run.SandboxFiles.Entry;
import io.athenic.chat.run.ThreadSandbox;
import io.athenic.chat.store.ChatStore;
import io.athenic.chat.store.NoSuchThreadException;
import io.athenic.chat.thread.Part;
import io.athenic.chat.thread.ThreadEvent;
import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files of a thread's sandbox. Paths are resolved in the sandbox, by the sandbox. */
public final class ThreadFiles {

    /** The folder that relative paths start from. */
    public static final String HOME = "/home/user";

    private static final int PATH_BYTES = 4_096;
    private static final int NAME_BYTES = 255;
    private static final int FILES_OF_A_MESSAGE = 50;

    private final ChatStore store;
    private final ThreadSandbox sandbox;
    private final SandboxFiles files;

    ThreadFiles(ChatStore store, ThreadSandbox sandbox, SandboxFiles files) {
        this.store = store;
        this.sandbox = sandbox;
        this.files = files;
    }

    /** What stands in a folder; nothing while the thread has no sandbox. */
    public List<Entry> list(String threadId, String path) {
        String id = alive(threadId);
        if (id == null) {
            return List.of();
        }
        return files.list(id, path).orElseThrow(() -> noFile(path, "folder"));
    }

    /** Writes a file into the home folder, in a new sandbox if there is none. */
    public Entry upload(String threadId, String name, InputStream content) {
        String path = HOME + "/" + checkName(name);
        String id;
        try {
            id = sandbox.obtain(threadId).sandboxId();
        } catch (NoSuchThreadException e) {
            throw noThread(threadId);
        }
        Entry entry;
        try {
            entry = files.write(id, path, content);
        } catch (RuntimeException e) {
            removeHalf(id, path, e);
            throw e;
        }
        store.append(threadId, List.of(new ThreadEvent.FilesChanged()));
        return entry;
    }

    private void removeHalf(String sandboxId, String path, RuntimeException cause) {
        try {
            files.remove(sandboxId, path);
        } catch (ApiException e) {
            cause.addSuppressed(e);
        }
    }

    /** A file that is being read; the caller closes {@code content}. */
    public record Download(String name, long size, InputStream content) {}

    /** Opens a file. */
    public Download download(String threadId, String path) {
        String id = alive(threadId);
        if (id == null) {
            throw noFile(path, "file");
        }
        Entry entry = files.stat(id, path).orElseThrow(() -> noFile(path, "file"));
        if (entry.type().equals("directory")) {
            throw new ApiException(ErrorCode.INVALID_REQUEST, "path is a folder: " + path);
        }
        InputStream content = files.read(id, path).orElseThrow(() -> noFile(path, "file"));
        return new Download(entry.name(), entry.size(), content);
    }

    /** The files that a message names, as its parts. */
    List<Part> parts(String threadId, List<String> paths) {
        if (paths.isEmpty()) {
            return List.of();
        }
        if (paths.size() > FILES_OF_A_MESSAGE) {
            throw new ApiException(
                    ErrorCode.INVALID_REQUEST, "files may name " + FILES_OF_A_MESSAGE + " files, not " + paths.size());
        }
        String id = alive(threadId);
        List<Part> parts = new ArrayList<>();
        for (String path : paths) {
            String checked = checkPath(path);
            if (id == null) {
                throw noFile(checked, "file");
            }
            Entry entry = files.stat(id, checked).orElseThrow(() -> noFile(checked, "file"));
            parts.add(new Part.File(entry.path(), entry.size()));
        }
        return parts;
    }

    private @Nullable String alive(String threadId) {
        try {
            return sandbox.alive(threadId);
        } catch (NoSuchThreadException e) {
            throw noThread(threadId);
        }
    }

    /** An absolute path, from the home folder where it is relative. */
    public static String checkPath(String path) {
        if (path.isBlank() || path.indexOf('\0') >= 0 || path.getBytes(StandardCharsets.UTF_8).length > PATH_BYTES) {
            throw new ApiException(
                    ErrorCode.INVALID_REQUEST, "path must have 1 to " + PATH_BYTES + " bytes and no NUL");
        }
        return path.startsWith("/") ? path : HOME + "/" + path;
    }

    private static String checkName(String name) {
        boolean special = name.isBlank() || name.equals(".") || name.equals("..");
        boolean control = name.chars().anyMatch(c -> c == '/' || c == '\\' || Character.isISOControl(c));
        if (special || control || name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES) {
            throw new ApiException(
                    ErrorCode.INVALID_REQUEST,
                    "name must be a plain file name of 1 to " + NAME_BYTES
                            + " bytes, without slashes and control characters");
        }
        return name;
    }

    private static ApiException noFile(String path, String kind) {
        return new ApiException(ErrorCode.NOT_FOUND, "there is no " + kind + " " + path + " in this thread's sandbox");
    }

    static ApiException noThread(String id) {
        return new ApiException(ErrorCode.NOT_FOUND, "there is no thread " + id);
    }
}
