package io.athenic.chat.llm;

import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Asks the configured model; one connection per turn. Safe for use by many threads. */
public final class ModelClient {

    private final String label;
    private final @Nullable ChatModelConfig config;
    private final ModelFactory factory;
    private final ModelLimits limits;

    public ModelClient(ChatModelConfig config, ModelLimits limits) {
        this(config.label(), config, ModelFactory.of(config), limits);
    }

    /** A model of the caller's own. */
    public ModelClient(String label, ModelFactory factory, ModelLimits limits) {
        this(label, null, factory, limits);
    }

    private ModelClient(String label, @Nullable ChatModelConfig config, ModelFactory factory, ModelLimits limits) {
        this.label = label;
        this.config = config;
        this.factory = factory;
        this.limits = limits;
    }

    /** {@code provider:model}. */
    public String label() {
        return label;
    }

    /** The model's name as the provider knows it. */
    public String name() {
        return config == null ? label : config.model();
    }

    /** The provider's name, empty for a model of the caller's own. */
    public String provider() {
        return config == null ? "" : config.provider().wire();
    }

    /**
     * Streams one turn. Blocks until it ends.
     *
     * @param text takes the answer's pieces, on this thread
     * @param rest the longest that the whole turn may take
     * @throws ModelException when there is no usable answer: the provider fails, is silent for too long, or breaks off
     * @throws TurnCancelledException once {@code cancellation} is cancelled
     */
    public ChatResponse ask(ChatRequest request, Consumer<String> text, Duration rest, Cancellation cancellation) {
        try (CancellableHttp http = new CancellableHttp(limits.connect());
                ModelTurn turn = new ModelTurn(label, limits, rest);
                var _ = cancellation.onCancel(turn::cancel)) {
            factory.create(new OneClient(http)).chat(request, turn);
            return turn.await(text);
        } catch (ModelTurn.Failed e) {
            throw explain(e.getCause() == null ? e : e.getCause());
        } catch (ModelException | TurnCancelledException e) {
            throw e;
        } catch (RuntimeException e) {
            throw explain(e);
        }
    }

    private ModelException explain(Throwable cause) {
        return ModelErrors.explain(
                label, config == null ? null : config.provider(), config == null ? null : config.apiKey(), cause);
    }

    /** Gives langchain4j the client of this turn; the deadlines are ours, not the HTTP client's. */
    private record OneClient(HttpClient client) implements HttpClientBuilder {
        @Override
        public @Nullable Duration connectTimeout() {
            return null;
        }

        @Override
        public HttpClientBuilder connectTimeout(Duration timeout) {
            return this;
        }

        @Override
        public @Nullable Duration readTimeout() {
            return null;
        }

        @Override
        public HttpClientBuilder readTimeout(Duration timeout) {
            return this;
        }

        @Override
        public HttpClient build() {
            return client;
        }
    }
}
