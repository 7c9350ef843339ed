package io.athenic.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.athenic.chat.llm.ChatModelConfig;
import io.athenic.engine.Engine;
import io.athenic.engine.EngineState;
import io.athenic.engine.EngineStatus;
import io.athenic.execution.HealthSource;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code GET /health} and {@code GET /api/status} say of the engine and the model. */
record Health(@Nullable Engine engine, Optional<ChatModelConfig> model) implements HealthSource {
    @Override
    public ObjectNode health() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ObjectNode state = json.putObject("engine");
        if (engine == null) {
            state.put("status", "ready").put("detail", "E2B");
        } else {
            EngineStatus now = engine.status();
            state.put(
                            "status",
                            now.state() == EngineState.READY
                                    ? "ready"
                                    : now.state().name().toLowerCase(Locale.ROOT))
                    .put("detail", now.detail())
                    .put("running", now.running());
            state.putObject("pool")
                    .put("waiting", now.pooled())
                    .put("hits", now.poolHits())
                    .put("misses", now.poolMisses());
            now.notes().forEach(state.withArrayProperty("notes")::add);
        }
        ObjectNode chosen = json.putObject("model");
        model.ifPresentOrElse(
                present -> chosen.put("status", "ready").put("name", present.label()),
                () -> chosen.put("status", "absent"));
        return json;
    }
}
