package io.athenic.engine.testing;

import io.athenic.engine.Bounds;
import io.athenic.engine.Engine;
import io.athenic.engine.KillCause;
import io.athenic.engine.Sandbox;
import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.egress.Resolver;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * One engine for a test class: {@code @RegisterExtension static final EngineExtension ENGINE = new EngineExtension();}. After each test its
 * sandboxes are ended, and it fails if one of them has left anything; after the class the whole machine is looked at.
 */
public final class EngineExtension implements BeforeAllCallback, AfterEachCallback, AfterAllCallback {
    private final int poolSize;
    private final int maxSandboxes;
    private final Bounds bounds;
    private final EgressConfig egress;
    private final Set<String> ended = new TreeSet<>();
    private @Nullable EngineFixture fixture;

    public EngineExtension() {
        this(2, 64);
    }

    public EngineExtension(int poolSize, int maxSandboxes) {
        this(poolSize, maxSandboxes, Bounds.DEFAULT);
    }

    public EngineExtension(int poolSize, int maxSandboxes, Bounds bounds) {
        this(poolSize, maxSandboxes, bounds, EgressConfig.DEFAULT);
    }

    /** With network for its sandboxes. */
    public EngineExtension(EgressConfig egress) {
        this(1, 8, Bounds.DEFAULT, egress);
    }

    private EngineExtension(int poolSize, int maxSandboxes, Bounds bounds, EgressConfig egress) {
        this.egress = egress;
        this.poolSize = poolSize;
        this.maxSandboxes = maxSandboxes;
        this.bounds = bounds;
    }

    public EngineFixture fixture() {
        EngineFixture started = fixture;
        if (started == null) {
            throw new IllegalStateException("the engine is started before the first test of the class");
        }
        return started;
    }

    public Engine engine() {
        return fixture().engine();
    }

    /** A sandbox of the usual template for five minutes; ended after the test. */
    public Sandbox sandbox() {
        return fixture().sandbox();
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        fixture = EngineFixture.start(poolSize, maxSandboxes, bounds, egress, Resolver.SYSTEM);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        for (Sandbox sandbox : engine().list()) {
            sandbox.kill(KillCause.USER);
            ended.add(sandbox.id());
        }
        Set<String> left = NothingLeft.sandboxes(fixture().roomd());
        left.retainAll(ended);
        if (!left.isEmpty()) {
            throw new AssertionError("sandboxes left behind: " + left);
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        EngineFixture started = fixture;
        if (started != null) {
            started.close();
        }
    }
}
