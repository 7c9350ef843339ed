package io.athenic.execution;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.e2b.protocol.E2b;
import io.athenic.execution.Sandboxes.Kept;
import io.athenic.execution.Sandboxes.Owner;
import io.vertx.core.Context;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * The endpoints of docs/PROTOCOL.md, section 6. Each request is served by a virtual thread of its own; how many there are at one time is
 * bounded.
 */
public final class ExecutionRoutes {
    private static final long MAX_BODY = 1 << 20;
    private static final int MAX_REQUESTS = 256;

    /** Characters of stdout and of stderr in the answer of {@code POST /execute}, at most. */
    private static final int MAX_ANSWER_OUTPUT = 4 << 20;

    /** How long an execution may take to end after its timeout, and then some: it always ends. */
    private static final Duration END_MARGIN = Duration.ofMinutes(15);

    /** From the final status of an execution to the end of its log: memory and one write to a file. */
    private static final Duration LAST_STEP = Duration.ofSeconds(10);

    private final ExecutionService service;
    private final IntentAnalyzer analyzer;
    private final HealthSource health;
    private final Semaphore requests = new Semaphore(MAX_REQUESTS);

    private ExecutionRoutes(ExecutionService service, IntentAnalyzer analyzer, HealthSource health) {
        this.service = service;
        this.analyzer = analyzer;
        this.health = health;
    }

    /** Adds the endpoints, with their own bound of bodies and mapping of errors. */
    public static void mount(Router router, ExecutionService service, IntentAnalyzer analyzer, HealthSource health) {
        new ExecutionRoutes(service, analyzer, health).mount(router);
    }

    /** What an endpoint does, on a virtual thread; throws {@link ApiException}. */
    private interface Action {
        void serve(RoutingContext request) throws InterruptedException;
    }

    private record Answer(int status, ObjectNode body) {}

    private interface Answering {
        Answer serve(RoutingContext request) throws InterruptedException;
    }

    private void mount(Router router) {
        router.get("/health")
                .handler(request -> Replies.json(request, 200, health.health().put("status", "healthy")));
        post(router, "/execute", this::execute);
        post(router, "/execute-stream", this::executeStream);
        post(router, "/analyze-execution-needs", this::analyze);
        post(router, "/create-sandbox", this::createSandbox);
        post(router, "/close-sandbox", this::closeSandbox);
        post(router, "/cleanup-all-sandboxes", _ -> cleanUp());
        router.get("/active-sandboxes").handler(request -> answer(request, _ -> active()));
        router.get("/executions/:id").handler(request -> answer(request, this::state));
        router.get("/executions/:id/output")
                .handler(request ->
                        serve(request, r -> OutputText.send(r, execution(r).log())));
        post(router, "/executions/:id/cancel", this::cancel);
        for (String path : List.of(
                "/health",
                "/execute",
                "/execute-stream",
                "/analyze-execution-needs",
                "/create-sandbox",
                "/close-sandbox",
                "/cleanup-all-sandboxes",
                "/active-sandboxes",
                "/executions/:id",
                "/executions/:id/output",
                "/executions/:id/cancel")) {
            router.route(path).handler(ExecutionRoutes::wrongMethod).failureHandler(Replies::ofStatus);
        }
    }

    private void post(Router router, String path, Answering answering) {
        // A route of its own: Vert.x wants the body handler to be the first of its route.
        router.route(HttpMethod.POST, path).handler(ExecutionRoutes::checkType).failureHandler(Replies::ofStatus);
        router.route(HttpMethod.POST, path)
                .handler(BodyHandler.create(false).setBodyLimit(MAX_BODY))
                .handler(request -> answer(request, answering))
                .failureHandler(Replies::ofStatus);
    }

    private Answer execute(RoutingContext request) throws InterruptedException {
        JsonBody body = JsonBody.parse(request.body().buffer());
        Execution execution = service.start(requestOf(body, null, false));
        request.response().closeHandler(_ -> service.cancel(execution.id(), CancelCause.OWNER_GONE));
        if (request.response().closed()) {
            boolean ignored = service.cancel(execution.id(), CancelCause.OWNER_GONE);
        }
        boolean ended = execution.awaitEnd(execution.request().timeout().plus(END_MARGIN));
        if (!ended) {
            throw new ApiException(
                    ErrorCode.SANDBOX_FAILED, "The execution did not end: see /executions/" + execution.id());
        }
        ExecutionOutcome outcome = execution.outcome(MAX_ANSWER_OUTPUT);
        ObjectNode result = Json.object();
        result.putArray("results").addAll(outcome.results());
        ObjectNode logs = result.putObject("logs");
        outcome.stdout().forEach(logs.putArray("stdout")::add);
        outcome.stderr().forEach(logs.putArray("stderr")::add);
        ObjectNode answer = Json.object();
        answer.put("executionId", execution.id());
        answer.put("sandboxId", execution.sandboxId().orElse(""));
        answer.put("status", outcome.status().wire());
        answer.set("result", result);
        if (outcome.executionCount() > 0) {
            result.put("executionCount", outcome.executionCount());
        }
        ExecutionEvent.Failed failure = outcome.failure();
        if (failure != null && failure.name() != null) {
            result.putObject("error")
                    .put("name", failure.name())
                    .put("value", failure.value())
                    .put("traceback", failure.traceback());
        }
        if (outcome.status() != ExecutionStatus.COMPLETED) {
            answer.put("error", outcome.message());
        }
        answer.put("duration", outcome.duration().toMillis());
        boolean sandboxFailed =
                outcome.status() == ExecutionStatus.ERROR && (failure == null || failure.name() == null);
        return new Answer(
                sandboxFailed ? ErrorCode.SANDBOX_FAILED.status() : 200,
                sandboxFailed ? answer.put("code", ErrorCode.SANDBOX_FAILED.wire()) : answer);
    }

    private Answer executeStream(RoutingContext request) {
        JsonBody body = JsonBody.parse(request.body().buffer());
        String clientId = body.text("clientId");
        Execution execution = service.start(requestOf(body, clientId, body.flag("keepSandbox")));
        return new Answer(
                202,
                Json.object()
                        .put("message", "The execution has started: its events come by WebSocket")
                        .put("sandboxId", execution.sandboxId().orElse(""))
                        .put("executionId", execution.id())
                        .put("status", "streaming")
                        .put("clientId", clientId)
                        .put("e2bWebSocketUrl", service.webSocketUrl()));
    }

    private static ExecutionRequest requestOf(JsonBody body, @Nullable String clientId, boolean keepSandbox) {
        String language = body.optionalText("language");
        return new ExecutionRequest(
                body.text("code"),
                language == null ? Language.DEFAULT : language,
                body.millis("timeout", ExecutionRequest.DEFAULT_TIMEOUT, ExecutionRequest.MAX_TIMEOUT),
                body.optionalText("sandboxId"),
                clientId,
                keepSandbox);
    }

    private Answer analyze(RoutingContext request) {
        JsonBody body = JsonBody.parse(request.body().buffer());
        String message = body.text("message");
        if (message.isBlank()) {
            throw ApiException.invalid("Field 'message' is empty: send the text that is to be analyzed.");
        }
        IntentAnalyzer.Intent intent = analyzer.analyze(message, body.turns("history"));
        return new Answer(
                200,
                Json.object()
                        .put("requiresExecution", intent.requiresExecution())
                        .put("message", message)
                        .put("language", intent.language())
                        .put("suggestedLanguage", intent.language())
                        .put("code", intent.code())
                        .put("codeSnippet", intent.code())
                        .put("reason", intent.reason()));
    }

    private Answer createSandbox(RoutingContext request) {
        JsonBody body = JsonBody.optional(request.body().buffer());
        String template = body.optionalText("template");
        String wanted = template == null || template.isBlank() ? E2b.CODE_TEMPLATE : template;
        String id = service.sandboxes()
                .create(wanted, service.config().sandboxTimeout(), Owner.ENDPOINT)
                .id();
        return new Answer(
                200,
                Json.object()
                        .put("success", true)
                        .put("sandboxId", id)
                        .put(
                                "message",
                                "The sandbox runs; it is closed "
                                        + service.config().sandboxTimeout().toMinutes()
                                        + " minutes after its last use"));
    }

    private Answer closeSandbox(RoutingContext request) {
        String id = JsonBody.parse(request.body().buffer()).text("sandboxId");
        if (id.isBlank()) {
            throw ApiException.invalid("Field 'sandboxId' is empty: send the id of the sandbox that is to be closed.");
        }
        if (!service.closeSandbox(id)) {
            throw ApiException.unknownSandbox(id.length() <= 40 ? id : id.substring(0, 40) + "…");
        }
        return new Answer(200, Json.object().put("success", true).put("message", "The sandbox is closed"));
    }

    private Answer active() {
        List<Kept> active = service.sandboxes().active();
        ObjectNode body = Json.object().put("success", true).put("count", active.size());
        ArrayNode list = body.putArray("sandboxes");
        for (Kept sandbox : active) {
            list.addObject()
                    .put("sandboxId", sandbox.sandboxId())
                    .put("template", sandbox.template())
                    .put("startedAt", sandbox.startedAt().toString());
        }
        return new Answer(200, body.put("message", active.size() + " active sandboxes"));
    }

    private Answer cleanUp() {
        int count = 0;
        for (Kept sandbox : service.sandboxes().active()) {
            if (sandbox.owner() == Owner.ENDPOINT && service.closeSandbox(sandbox.sandboxId())) {
                count++;
            }
        }
        return new Answer(
                200,
                Json.object().put("success", true).put("count", count).put("message", count + " sandboxes are closed"));
    }

    private Answer state(RoutingContext request) throws InterruptedException {
        Execution execution = execution(request);
        if (execution.status().isFinal()) {
            boolean ignored = execution.awaitEnd(LAST_STEP); // an end is told whole: with its time and its last event
        }
        ObjectNode body = Json.object()
                .put("executionId", execution.id())
                .put("sandboxId", execution.sandboxId().orElse(null));
        execution.clientId().ifPresent(id -> body.put("clientId", id));
        body.put("language", execution.language())
                .put("status", execution.status().wire())
                .put("startedAt", execution.startedAt().toString());
        execution
                .endedAt()
                .ifPresent(end -> body.put("endedAt", end.toString())
                        .put("duration", execution.duration().toMillis()));
        body.put("lastSequence", execution.log().lastSequence()).put("code", execution.code());
        return new Answer(200, body);
    }

    private Answer cancel(RoutingContext request) {
        Execution execution = execution(request);
        boolean wasFinal = execution.status().isFinal();
        boolean ignored = service.cancel(execution.id(), CancelCause.USER);
        return new Answer(
                wasFinal ? 200 : 202,
                Json.object()
                        .put("executionId", execution.id())
                        .put("status", execution.status().wire()));
    }

    private Execution execution(RoutingContext request) {
        return service.find(Objects.requireNonNullElse(request.pathParam("id"), ""))
                .orElseThrow(() -> new ApiException(
                        ErrorCode.NOT_FOUND,
                        "There is no execution of this id: it never was, or it ended more than "
                                + service.config().retention().toMinutes() + " minutes ago."));
    }

    /** Requires JSON where there is a body: a web page cannot send that to another origin without asking. */
    private static void checkType(RoutingContext request) {
        String type = request.request().getHeader("Content-Type");
        String length = request.request().getHeader("Content-Length");
        boolean empty =
                "0".equals(length) || (length == null && request.request().getHeader("Transfer-Encoding") == null);
        if (type == null ? empty : isJson(type)) {
            request.next();
            return;
        }
        Replies.closeAfter(request);
        Replies.error(
                request,
                ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                "Content-Type is " + (type == null ? "missing" : "not JSON") + ": send application/json.");
    }

    private static boolean isJson(String type) {
        int end = type.indexOf(';');
        return (end < 0 ? type : type.substring(0, end)).strip().equalsIgnoreCase("application/json");
    }

    private static void wrongMethod(RoutingContext request) {
        Replies.error(
                request,
                ErrorCode.METHOD_NOT_ALLOWED,
                request.request().method() + " is not served here: see docs/PROTOCOL.md, section 6.");
    }

    private void answer(RoutingContext request, Answering answering) {
        serve(request, r -> {
            Answer answer = answering.serve(r);
            Replies.json(r, answer.status(), answer.body());
        });
    }

    private void serve(RoutingContext request, Action action) {
        if (!requests.tryAcquire()) {
            Replies.error(request, ErrorCode.OVERLOADED, MAX_REQUESTS + " requests are being served: try again later.");
            return;
        }
        Context context = request.vertx().getOrCreateContext();
        Thread ignored = Thread.ofVirtual()
                .name("http-" + request.request().path())
                .start(() -> {
                    try {
                        action.serve(request);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        context.runOnContext(_ ->
                                Replies.error(request, ErrorCode.SANDBOX_UNAVAILABLE, "The service is shutting down."));
                    } catch (RuntimeException e) {
                        context.runOnContext(_ -> Replies.failure(request, e));
                    } finally {
                        requests.release();
                    }
                });
    }
}
