package io.athenic.execution;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The JSON body of a request, read strictly: a field of the wrong type is an error, not a guess. Null is as absent. */
final class JsonBody {
    private final JsonNode fields;

    private JsonBody(JsonNode fields) {
        this.fields = fields;
    }

    /** Of a request that may have no body at all. */
    static JsonBody optional(@Nullable Buffer body) {
        return body == null || body.length() == 0 ? new JsonBody(Json.object()) : parse(body);
    }

    static JsonBody parse(@Nullable Buffer body) {
        if (body == null || body.length() == 0) {
            throw ApiException.invalid("The body is empty: a JSON object is expected.");
        }
        try {
            if (Json.MAPPER.readTree(body.getBytes()) instanceof ObjectNode object) {
                return new JsonBody(object);
            }
            throw ApiException.invalid("The body is JSON, but no object: send {\"field\": value, …}.");
        } catch (JsonProcessingException e) {
            var at = e.getLocation();
            String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
            throw ApiException.invalid("The body is not valid JSON" + where + ": a JSON object is expected.");
        } catch (IOException e) {
            throw ApiException.invalid("The body is not valid JSON: a JSON object in UTF-8 is expected.");
        }
    }

    String text(String field) {
        String text = optionalText(field);
        if (text == null) {
            throw ApiException.invalid("Field '" + field + "' is missing: a string is expected.");
        }
        return text;
    }

    @Nullable
    String optionalText(String field) {
        JsonNode value = get(field);
        if (value == null) {
            return null;
        }
        if (!value.isTextual()) {
            throw wrong(field, "a string", value);
        }
        return value.textValue();
    }

    boolean flag(String field) {
        JsonNode value = get(field);
        if (value == null) {
            return false;
        }
        if (!value.isBoolean()) {
            throw wrong(field, "true or false", value);
        }
        return value.booleanValue();
    }

    Duration millis(String field, Duration absent, Duration max) {
        JsonNode value = get(field);
        if (value == null) {
            return absent;
        }
        String wanted = "a whole number of milliseconds from 1 to " + max.toMillis();
        if (!value.isIntegralNumber()) {
            throw wrong(field, wanted, value);
        }
        if (!value.canConvertToLong() || value.longValue() < 1 || value.longValue() > max.toMillis()) {
            throw wrong(field, wanted, value);
        }
        return Duration.ofMillis(value.longValue());
    }

    /** {@code [{"role", "content"}]}. */
    List<IntentAnalyzer.Turn> turns(String field) {
        JsonNode value = get(field);
        if (value == null) {
            return List.of();
        }
        if (!value.isArray()) {
            throw wrong(field, "an array of {\"role\", \"content\"}", value);
        }
        List<IntentAnalyzer.Turn> turns = new ArrayList<>();
        for (JsonNode item : value) {
            if (!item.isObject()) {
                throw wrong(field, "an array of {\"role\", \"content\"}", item);
            }
            var turn = new JsonBody(item);
            turns.add(new IntentAnalyzer.Turn(turn.text("role"), turn.text("content")));
        }
        return turns;
    }

    private @Nullable JsonNode get(String field) {
        JsonNode value = fields.get(field);
        return value == null || value.isNull() ? null : value;
    }

    private static ApiException wrong(String field, String wanted, JsonNode found) {
        String text =
                found.isContainerNode() ? "an " + (found.isArray() ? "array" : "object") : shortened(found.toString());
        return ApiException.invalid("Field '" + field + "' is " + text + ": " + wanted + " is expected.");
    }

    private static String shortened(String text) {
        return text.length() <= 60 ? text : text.substring(0, 60) + "…";
    }
}
