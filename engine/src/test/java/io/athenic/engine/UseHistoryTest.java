package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

final class UseHistoryTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void cpuIsAShareOfAllCoresSinceTheSampleBefore() {
        var history = new UseHistory(2);

        history.add(Instant.EPOCH, 10 * SECOND, 500_000, 1, 2, 3);
        history.add(Instant.EPOCH.plusSeconds(5), 15 * SECOND, 5_500_000, 1, 2, 3);
        history.add(Instant.EPOCH.plusSeconds(10), 20 * SECOND, 99_000_000, 1, 2, 3);

        assertThat(history.list()).extracting(UseSample::cpuPercent).containsExactly(0.0, 50.0, 100.0);
    }

    @Test
    void theOldestAreForgotten() {
        var history = new UseHistory(1);

        for (int i = 0; i < UseHistory.MAX + 5; i++) {
            history.add(Instant.ofEpochSecond(i), i * SECOND, 0, i, 0, 0);
        }

        assertThat(history.list()).hasSize(UseHistory.MAX);
        assertThat(history.list().getFirst().memoryBytes()).isEqualTo(5);
    }
}
