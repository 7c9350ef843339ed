package io.athenic.chat.run;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2b.FileNotFoundException;
import io.athenic.e2b.Files;
import io.athenic.e2b.InvalidArgumentException;
import io.athenic.e2b.NotEnoughSpaceException;
import io.athenic.e2b.SandboxException;
import io.athenic.e2b.SandboxNotFoundException;
import io.athenic.e2b.protocol.EntryInfo;
import io.athenic.execution.ApiException;
import io.athenic.execution.CancelCause;
import io.athenic.execution.ErrorCode;
import io.athenic.execution.Execution;
import io.athenic.execution.ExecutionEvent;
import io.athenic.execution.ExecutionOutcome;
import io.athenic.execution.ExecutionRequest;
import io.athenic.execution.ExecutionService;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/** The sandboxes of the execution service. */
public final class ServiceSandboxes implements Sandboxes, SandboxFiles {

    private static final List<String> LANGUAGES = List.of("python", "javascript", "bash");

    private final ExecutionService service;

    public ServiceSandboxes(ExecutionService service) {
        this.service = service;
    }

    @Override
    public String create() {
        return service.createSandbox();
    }

    @Override
    public boolean isAlive(String sandboxId) {
        return service.isAlive(sandboxId);
    }

    @Override
    public void keepAlive(String sandboxId) {
        try {
            service.keepAlive(sandboxId);
        } catch (ApiException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
        }
    }

    @Override
    public void close(String sandboxId) {
        boolean _ = service.closeSandbox(sandboxId);
    }

    @Override
    public StartedCode start(String sandboxId, String clientId, String language, String code, Duration timeout) {
        ExecutionRequest request = new ExecutionRequest(code, language, timeout, sandboxId, clientId, true);
        return new Started(service.start(request));
    }

    @Override
    public Optional<StartedCode> find(String executionId) {
        return service.find(executionId).map(Started::new);
    }

    @Override
    public void cancel(String executionId) {
        boolean _ = service.cancel(executionId, CancelCause.USER);
    }

    @Override
    public List<String> languages() {
        return LANGUAGES;
    }

    @Override
    public String webSocketUrl() {
        return service.webSocketUrl();
    }

    private record Started(Execution execution) implements StartedCode {
        @Override
        public String executionId() {
            return execution.id();
        }

        @Override
        public String status() {
            return execution.status().wire();
        }

        @Override
        public CodeOutcome await(Duration max) {
            try {
                if (!execution.awaitEnd(max)) {
                    throw new ApiException(
                            ErrorCode.SANDBOX_FAILED,
                            "The code did not end " + Report.seconds(max)
                                    + " after its start, and could not be stopped in time.");
                }
                return outcome(execution.outcome(64 << 10));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new ApiException(ErrorCode.SANDBOX_FAILED, "The wait for the code was interrupted.");
            }
        }
    }

    private static CodeOutcome outcome(ExecutionOutcome outcome) {
        List<Map<String, String>> results = new ArrayList<>();
        for (JsonNode result : outcome.results()) {
            Map<String, String> formats = new LinkedHashMap<>();
            result.properties().forEach(format -> {
                if (format.getValue().isTextual()) {
                    formats.put(format.getKey(), format.getValue().textValue());
                }
            });
            results.add(formats);
        }
        ExecutionEvent.Failed failed = outcome.failure();
        return new CodeOutcome(
                outcome.status().wire(),
                outcome.duration(),
                outcome.stdoutText(),
                outcome.stderrText(),
                results,
                failed == null ? null : failure(failed));
    }

    /** A failed program has a name; a failed sandbox has the text alone. */
    private static CodeOutcome.Failure failure(ExecutionEvent.Failed failed) {
        String name = Objects.requireNonNullElse(failed.name(), "");
        String value = Objects.requireNonNullElse(failed.value(), "");
        return new CodeOutcome.Failure(
                name,
                name.isEmpty() && value.isEmpty() ? failed.error() : value,
                Objects.requireNonNullElse(failed.traceback(), ""));
    }

    @Override
    public Optional<List<Entry>> list(String sandboxId, String path) {
        return attempt(
                path,
                () -> files(sandboxId).list(path).stream()
                        .map(ServiceSandboxes::entry)
                        .toList());
    }

    @Override
    public Optional<Entry> stat(String sandboxId, String path) {
        return attempt(path, () -> entry(files(sandboxId).stat(path)));
    }

    @Override
    public Entry write(String sandboxId, String path, InputStream content) {
        return attempt(path, () -> {
                    Files files = files(sandboxId);
                    String written = files.write(path, () -> content).path();
                    return entry(files.stat(written));
                })
                .orElseThrow(
                        () -> new ApiException(ErrorCode.SANDBOX_FAILED, "The sandbox lost " + path + " at once."));
    }

    @Override
    public Optional<InputStream> read(String sandboxId, String path) {
        return attempt(path, () -> files(sandboxId).readStream(path));
    }

    @Override
    public void remove(String sandboxId, String path) {
        var _ = attempt(path, () -> {
            files(sandboxId).remove(path);
            return path;
        });
    }

    private Files files(String sandboxId) {
        return service.files(sandboxId);
    }

    private static Entry entry(EntryInfo info) {
        String type = info.type().name().toLowerCase(Locale.ROOT);
        return new Entry(info.name(), info.path(), type, info.size(), info.modifiedTime());
    }

    /** Empty when there is nothing of that path. */
    private static <T> Optional<T> attempt(String path, Supplier<T> call) {
        try {
            return Optional.of(call.get());
        } catch (FileNotFoundException e) {
            return Optional.empty();
        } catch (SandboxNotFoundException e) {
            throw new ApiException(
                    ErrorCode.SANDBOX_FAILED, "The sandbox of this chat has ended: send a message to get a new one.");
        } catch (NotEnoughSpaceException e) {
            throw new ApiException(
                    ErrorCode.TOO_LARGE, "The sandbox's disk is full: remove files from it, then try again.");
        } catch (InvalidArgumentException e) {
            throw new ApiException(ErrorCode.INVALID_REQUEST, "The sandbox refuses " + path + ": " + e.getMessage());
        } catch (SandboxException e) {
            throw new ApiException(ErrorCode.SANDBOX_FAILED, "The sandbox refuses " + path + ": " + e.getMessage());
        }
    }
}
