package io.athenic.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.athenic.e2e.product.Product;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a Prometheus server scrapes from the product. */
@ExtendWith(ProductExtension.class)
class MetricsTest {
    private final Product product;
    private final Http http;

    MetricsTest(Product product) {
        this.product = product;
        this.http = new Http(product.port());
    }

    @Test
    void theEngineAndTheJvmAreCountedAndNothingSecretIsTold() {
        var sandbox = http.post("/execute", Map.of("code", "print('counted')"))
                .expect(200)
                .json()
                .path("sandboxId")
                .asText();

        var text = http.get("/metrics").expect(200).text();

        assertThat(text)
                .contains("athenic_executions_total{outcome=\"completed\"}")
                .contains("athenic_create_seconds_bucket{source=\"pool\",le=\"0.01\"}")
                .contains("athenic_sandboxes{state=\"running\"}")
                .contains("athenic_egress_decisions_total{verdict=\"denied\"}")
                .contains("athenic_egress_bytes_total{direction=\"sent\"}")
                .contains("athenic_egress_open ")
                .contains("athenic_roomd_seconds_count{ok=\"true\",op=\"room.create\"}")
                .contains("jvm_memory_used_bytes")
                .doesNotContain(sandbox)
                .doesNotContain(product.apiKey());
    }
}
