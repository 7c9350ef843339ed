package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.athenic.e2e.product.Product;
import java.time.Duration;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The last class: after everything the other tests did, Ctrl-C leaves no process, cgroup, mount, loop device, socket or temporary file. */
@Order(Integer.MAX_VALUE)
@ExtendWith(ProductExtension.class)
class NothingLeftBehindTest {
    private final Product product;

    NothingLeftBehindTest(Product product) {
        this.product = product;
    }

    @Test
    void afterAllTestsTheServerLeavesNothing() {
        JsonNode health = new Http(product.port()).get("/health").expect(200).json();
        assertThat(health.at("/engine/status").asText()).isEqualTo("ready");
        String log = product.log();

        product.interrupt();

        assertThat(product.leftovers().await(Duration.ofSeconds(60))).isEmpty();
        assertThat(log).doesNotContain("SEVERE", "Exception in thread", "\tat io.athenic");
    }
}
