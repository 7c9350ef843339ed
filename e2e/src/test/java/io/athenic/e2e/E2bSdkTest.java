package io.athenic.e2e;

import io.athenic.e2e.product.Product;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** E2B's published npm packages, unmodified, with the variables that {@code ./athenic env} prints. */
@ExtendWith(ProductExtension.class)
class E2bSdkTest {
    private final Product product;

    E2bSdkTest(Product product) {
        this.product = product;
    }

    @Test
    void publishedPackagesWorkUnmodified() {
        String address = "http://127.0.0.1:" + product.e2bPort();
        NodeTests.run(
                "npm", Map.of("E2B_API_KEY", product.apiKey(), "E2B_API_URL", address, "E2B_SANDBOX_URL", address));
    }
}
