package io.athenic.e2e;

import io.athenic.e2e.product.Product;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests the one {@link Product} of the whole run: started when the first test asks, stopped when the run ends. Its environment holds a secret that {@link
 * IsolationTest} looks for.
 */
final class ProductExtension implements ParameterResolver {
    static final String CANARY = "canary-4711-of-the-host";

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Product.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return context.getRoot()
                .getStore(Namespace.create(ProductExtension.class))
                .computeIfAbsent(Product.class, key -> start(), Product.class);
    }

    private static Product start() {
        Path data = Product.newData();
        return Product.start(data, Map.of("HOST_SECRET", CANARY));
    }
}
