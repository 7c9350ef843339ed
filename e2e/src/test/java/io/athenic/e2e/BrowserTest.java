package io.athenic.e2e;

import io.athenic.e2e.product.Product;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The page in a headless Chromium; the steps are in e2e/browser. Screenshots go to e2e/target/screenshots. */
@ExtendWith(ProductExtension.class)
class BrowserTest {
    private final Product product;

    BrowserTest(Product product) {
        this.product = product;
    }

    @Test
    void pageStreamsStopsAndResumes() {
        NodeTests.run(
                "browser",
                Map.of(
                        "ATHENIC_URL",
                        "http://127.0.0.1:" + product.port(),
                        "SCREENSHOTS",
                        Product.TARGET.resolve("screenshots").toString()));
    }
}
