package io.athenic.execution;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** Results up to a bound in bytes; one that does not fit any more is there by its text and its place in the log. */
final class ResultList {
    private static final int MAX_TEXT = 1000;
    private static final int MAX_COUNT = 1000;

    private final long maxBytes;
    private final List<JsonNode> results = new ArrayList<>();
    private long bytes;
    private boolean whole = true;

    ResultList(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    void add(long sequence, JsonNode data) {
        if (results.size() >= MAX_COUNT) {
            whole = false;
            return;
        }
        long size = size(data);
        if (bytes + size <= maxBytes) {
            bytes += size;
            results.add(data);
            return;
        }
        whole = false;
        ObjectNode stub = Json.object();
        stub.put("is_main_result", data.path("is_main_result").asBoolean());
        String text = data.path("text").asText("");
        stub.put("text", text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "…" : text);
        stub.put("omitted", "too large to repeat here: see event " + sequence);
        stub.put("sequence", sequence);
        results.add(stub);
    }

    boolean isWhole() {
        return whole;
    }

    List<JsonNode> toList() {
        return List.copyOf(results);
    }

    /** About as many bytes as its JSON has. */
    private static long size(JsonNode node) {
        if (node.isTextual()) {
            return node.textValue().length() + 2L;
        }
        long size = 8;
        for (var field : node.properties()) {
            size += field.getKey().length() + 4L + size(field.getValue());
        }
        if (node.isArray()) {
            for (JsonNode item : node) {
                size += 1 + size(item);
            }
        }
        return size;
    }
}
