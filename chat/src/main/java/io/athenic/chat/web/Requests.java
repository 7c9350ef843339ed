package io.athenic.chat.web;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.execution.ApiException;
import io.athenic.execution.ErrorCode;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a request carries, checked. */
final class Requests {

    /** The longest JSON body, in bytes. */
    static final int BODY_BYTES = 1024 * 1024;

    private static final JsonMapper MAPPER = JsonMapper.builder(com.fasterxml.jackson.core.JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(32)
                            .maxStringLength(BODY_BYTES)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Requests() {}

    /** The body as an object; an absent body is an empty one. */
    static ObjectNode object(RoutingContext context, @Nullable Buffer body) {
        if (body == null || body.length() == 0) {
            return MAPPER.createObjectNode();
        }
        requireType(context.request(), "application/json");
        try {
            JsonNode json = MAPPER.readTree(body.getBytes());
            if (json instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw invalid("the body is not JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw invalid("the body is not UTF-8 JSON");
        }
        throw invalid("the body must be a JSON object");
    }

    /** Refuses a body of another type. */
    static void requireType(HttpServerRequest request, String wanted) {
        String found = request.getHeader("Content-Type");
        String type = found == null ? "" : found.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        if (!type.equals(wanted)) {
            throw new ApiException(
                    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                    "Content-Type must be " + wanted + ", it is " + (type.isEmpty() ? "missing" : type));
        }
    }

    /** A text field that must be there. */
    static String text(ObjectNode body, String name) {
        String value = optionalText(body, name);
        if (value == null) {
            throw invalid(name + " is missing: it must be a string");
        }
        return value;
    }

    /** A text field, null where it is absent or null. */
    static @Nullable String optionalText(ObjectNode body, String name) {
        JsonNode value = body.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (!value.isTextual()) {
            throw invalid(name + " must be a string, it is "
                    + value.getNodeType().name().toLowerCase(Locale.ROOT));
        }
        return value.textValue();
    }

    /** A list of texts; empty where it is absent or null. */
    static List<String> texts(ObjectNode body, String name) {
        JsonNode value = body.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return List.of();
        }
        if (!value.isArray()) {
            throw invalid(name + " must be a list of strings");
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode item : value) {
            if (!item.isTextual()) {
                throw invalid(name + " must be a list of strings");
            }
            texts.add(item.textValue());
        }
        return texts;
    }

    /** A parameter of the route's own path. */
    static String path(RoutingContext context, String name) {
        return Objects.requireNonNull(context.pathParam(name), name);
    }

    /** A query parameter that must be there. */
    static String query(RoutingContext context, String name) {
        String value = context.request().getParam(name);
        if (value == null || value.isEmpty()) {
            throw invalid("the query parameter " + name + " is missing");
        }
        return value;
    }

    /** The place in the event stream that the client has seen. */
    static long after(RoutingContext context) {
        String value = context.request().getHeader("Last-Event-ID");
        if (value == null || value.isEmpty()) {
            value = context.request().getParam("after");
        }
        if (value == null || value.isEmpty()) {
            return 0;
        }
        try {
            long after = Long.parseLong(value);
            if (after >= 0) {
                return after;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw invalid("after (or Last-Event-ID) must be the number of an event, 0 or more");
    }

    static ApiException invalid(String message) {
        return new ApiException(ErrorCode.INVALID_REQUEST, message);
    }
}
