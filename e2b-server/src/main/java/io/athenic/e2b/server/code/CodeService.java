package io.athenic.e2b.server.code;

import io.athenic.e2b.protocol.CodeApi.Context;
import io.athenic.e2b.protocol.CodeApi.ExecuteRequest;
import io.athenic.e2b.protocol.CodeApi.NewContext;
import io.athenic.e2b.protocol.E2b;
import io.athenic.e2b.protocol.Json;
import io.athenic.e2b.protocol.JsonException;
import io.athenic.e2b.protocol.Signatures;
import io.athenic.e2b.server.http.Cors;
import io.athenic.e2b.server.http.Exchange;
import io.athenic.e2b.server.http.Failures;
import io.athenic.e2b.server.http.HttpFailure;
import io.athenic.e2b.server.http.Values;
import io.athenic.engine.CodeContext;
import io.athenic.engine.EngineException;
import io.athenic.engine.ErrorCode;
import io.athenic.engine.Sandbox;
import java.io.IOException;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** Port 49999 of every sandbox. Errors are plain text, as the SDKs expect there. */
public final class CodeService {
    private static final int MAX_CODE = 16 << 20;
    private static final int MAX_BODY = 64 << 10;
    private static final byte[] NULL = {'n', 'u', 'l', 'l'};

    private final InstantSource clock;
    private final DurableExecutions durable;

    public CodeService(InstantSource clock) {
        this.clock = clock;
        this.durable = new DurableExecutions(clock);
    }

    public void handle(Exchange exchange, Sandbox sandbox) throws IOException, InterruptedException {
        try {
            route(exchange, sandbox);
        } catch (EngineException e) {
            if (exchange.answered() || e.code() == ErrorCode.UNAVAILABLE) {
                throw e;
            }
            exchange.respondText(Failures.httpStatus(e.code()), String.valueOf(e.getMessage()));
        } catch (HttpFailure e) {
            exchange.respondText(e.status(), String.valueOf(e.getMessage()));
        } catch (JsonException e) {
            exchange.respondText(400, String.valueOf(e.getMessage()));
        }
    }

    private void route(Exchange exchange, Sandbox sandbox) throws IOException, InterruptedException {
        var segments = exchange.path().split("/", 6);
        var route = exchange.method() + " " + (segments.length > 1 ? segments[1] : "");
        switch (segments.length) {
            case 2 -> {
                switch (route) {
                    case "GET health" -> exchange.respondJson(200, "OK");
                    case "POST execute" -> execute(exchange, sandbox);
                    case "POST contexts" -> create(exchange, sandbox);
                    case "GET contexts" ->
                        exchange.respondJson(
                                200,
                                sandbox.contexts().stream()
                                        .map(CodeService::wire)
                                        .toList());
                    default -> throw notFound();
                }
            }
            case 3 -> {
                if (route.equals("GET executions")) {
                    checkToken(exchange, sandbox);
                    durable.attach(
                            exchange,
                            sandbox,
                            defaultContext(sandbox, exchange.query("language").orElse("")),
                            segments[2]);
                    return;
                }
                if (!route.equals("DELETE contexts")) {
                    throw notFound();
                }
                sandbox.removeContext(context(sandbox, segments[2]).id());
                exchange.respond(200, E2b.JSON, NULL);
            }
            case 4 -> {
                if (route.equals("POST executions")) {
                    checkToken(exchange, sandbox);
                    switch (segments[3]) {
                        case "ack" -> durable.acknowledge(exchange, sandbox, segments[2]);
                        case "interrupt" -> durable.interrupt(exchange, sandbox, segments[2]);
                        default -> throw notFound();
                    }
                    return;
                }
                if (!route.equals("POST contexts") || !segments[3].equals("restart")) {
                    throw notFound();
                }
                sandbox.restartContext(context(sandbox, segments[2]).id());
                exchange.respond(200, E2b.JSON, NULL);
            }
            default -> throw notFound();
        }
    }

    private static HttpFailure notFound() {
        return new HttpFailure(404, "Not Found");
    }

    private void execute(Exchange exchange, Sandbox sandbox) throws IOException, InterruptedException {
        checkToken(exchange, sandbox);
        var request = Json.request(exchange.jsonBody(MAX_CODE), ExecuteRequest.class);
        var code = request.code();
        if (code == null) {
            throw new HttpFailure(400, "code is missing");
        }
        var variables = Values.strings("env_vars", request.envVars());
        var id = exchange.header(E2b.HEADER_EXECUTION_ID);
        var context = context(sandbox, request);
        if (id == null) {
            Execution.run(exchange, context.execute(code, variables), clock, false);
        } else {
            durable.follow(exchange, sandbox, id, context.execute(code, variables, DurableExecutions.checkId(id)));
        }
    }

    /** Only here do the SDKs send the token; whoever knows an id from a shared link must not run code. */
    private static void checkToken(Exchange exchange, Sandbox sandbox) {
        var token = sandbox.accessToken();
        var given = exchange.header(E2b.HEADER_ACCESS_TOKEN);
        if (token.isPresent() && (given == null || !Signatures.same(token.get(), given))) {
            throw new HttpFailure(401, "unauthorized access, please provide a valid access token");
        }
    }

    private static CodeContext context(Sandbox sandbox, ExecuteRequest request) {
        var id = request.contextId();
        var language = request.language();
        if (id != null && language != null) {
            throw new HttpFailure(400, "Only one of context_id or language can be provided");
        }
        if (id != null) {
            return context(sandbox, id);
        }
        return defaultContext(sandbox, language);
    }

    private static CodeContext defaultContext(Sandbox sandbox, @Nullable String language) {
        return sandbox.defaultContext(language == null || language.isBlank() ? "python" : language);
    }

    private static CodeContext context(Sandbox sandbox, String id) {
        return sandbox.context(id)
                .orElseThrow(() -> new HttpFailure(
                        404, "Context " + (id.length() > 64 ? id.substring(0, 64) : id) + " not found"));
    }

    private static void create(Exchange exchange, Sandbox sandbox) throws IOException {
        var body = exchange.jsonBody(MAX_BODY);
        var request = body.length == 0 ? new NewContext(null, null) : Json.request(body, NewContext.class);
        var language = request.language();
        var cwd = request.cwd();
        var context = sandbox.createContext(
                language == null || language.isBlank() ? "python" : language, cwd == null ? "/home/user" : cwd);
        exchange.respondJson(200, wire(context));
    }

    private static Context wire(CodeContext context) {
        return new Context(context.id(), context.language(), context.cwd());
    }

    /** See {@link Cors#handle}. */
    public static boolean beforeLookup(Exchange exchange) {
        return Cors.handle(exchange);
    }
}
