package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** When a pool grows and when it shrinks. */
final class PoolSizeTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private final AtomicBoolean shortOfMemory = new AtomicBoolean();

    private PoolSize size(int base, int max) {
        return new PoolSize(base, max, shortOfMemory::get);
    }

    @Test
    void takesThatFindNothingOrLeaveNothingDoubleItUpToTheMaximum() {
        PoolSize size = size(2, 7);

        size.taken(2, START);
        assertThat(size.now()).isEqualTo(2);
        size.taken(1, START);
        assertThat(size.now()).isEqualTo(4);
        size.taken(0, START);
        assertThat(size.now()).isEqualTo(7);
        size.taken(0, START);
        assertThat(size.now()).isEqualTo(7);
        assertThat(size.base()).isEqualTo(2);
    }

    @Test
    void theOnlyRoomOfAPoolOfOneIsNoSignOfDemand() {
        PoolSize size = size(1, 8);

        size.taken(1, START);
        assertThat(size.now()).isEqualTo(1);
        size.taken(0, START);
        assertThat(size.now()).isEqualTo(2);
    }

    @Test
    void itShrinksWhenTheBaseWouldHaveServedForAWhile() {
        PoolSize size = size(2, 8);
        size.taken(0, START);
        size.taken(0, START);
        Instant later = START.plus(PoolSize.QUIET).minusSeconds(1);

        size.tend(later);
        assertThat(size.now()).isEqualTo(8);
        size.taken(8, later); // one now and then
        size.taken(7, later);
        size.tend(START.plus(PoolSize.QUIET));

        assertThat(size.now()).isEqualTo(2);
    }

    @Test
    void whatTheBaseWouldNotHaveServedKeepsItLarge() {
        PoolSize size = size(2, 8);
        size.taken(0, START);
        size.taken(0, START);
        Instant later = START.plus(PoolSize.QUIET).minusSeconds(1);

        size.taken(6, later); // the third since it was full
        size.tend(later.plusSeconds(2));
        assertThat(size.now()).isEqualTo(8);

        size.tend(later.plus(PoolSize.QUIET));
        assertThat(size.now()).isEqualTo(2);
    }

    @Test
    void shortMemoryForbidsGrowthAndTakesItBack() {
        PoolSize size = size(2, 8);
        shortOfMemory.set(true);
        size.taken(0, START);
        assertThat(size.now()).isEqualTo(2);

        shortOfMemory.set(false);
        size.taken(0, START);
        assertThat(size.now()).isEqualTo(4);
        shortOfMemory.set(true);
        size.tend(START.plus(Duration.ofSeconds(1)));
        assertThat(size.now()).isEqualTo(2);
    }

    @Test
    void aPoolOfNoneStaysOne() {
        PoolSize size = size(0, 8);

        size.taken(0, START);

        assertThat(size.now()).isZero();
    }
}
