package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.athenic.engine.egress.EgressConfig;
import io.athenic.engine.testing.NothingLeft;
import io.athenic.engine.testing.RoomdProcess;
import io.athenic.engine.testing.SettableClock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;

/** Pools of real rooms that follow the demand. */
final class PoolsTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Duration MINUTES = Duration.ofMinutes(15);
    private static final double ANY_LOAD = 1e6;

    private final SettableClock clock = new SettableClock();

    @Test
    void aBurstMakesThePoolGrowQuietMakesItShrinkAndOldRoomsAreReplaced() {
        try (RoomdProcess roomd = RoomdProcess.start();
                Engine engine = Engine.start(config(roomd, new Pooling(1, 4, ANY_LOAD)), clock)) {
            await().atMost(SOON).until(() -> engine.status().pooled() == 1);
            boolean grown = false;
            for (int tries = 0; tries < 6 && !grown; tries++) { // takes that come one by one are no burst
                burst(engine);
                grown = reaches(engine, 4);
            }
            assertThat(grown).isTrue();
            assertThat(engine.status().poolMisses()).isPositive();

            clock.advance(PoolSize.QUIET);
            await().atMost(SOON).until(() -> engine.status().pooled() == 1);
            await().atMost(SOON).until(() -> NothingLeft.sandboxes(roomd).size() == 1);
            Set<String> before = NothingLeft.sandboxes(roomd);

            clock.advance(SandboxPool.OLD);
            await().atMost(SOON).until(() -> {
                Set<String> now = NothingLeft.sandboxes(roomd);
                return engine.status().pooled() == 1 && now.size() == 1 && !now.equals(before);
            });
        }
    }

    private static void burst(Engine engine) {
        try (var burst = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 6; i++) {
                burst.execute(
                        () -> engine.create(SandboxSpec.of("base", MINUTES)).kill(KillCause.USER));
            }
        }
    }

    private static boolean reaches(Engine engine, int pooled) {
        try {
            await().atMost(Duration.ofSeconds(20)).until(() -> engine.status().pooled() == pooled);
            return true;
        } catch (ConditionTimeoutException _) {
            return false;
        }
    }

    @Test
    void aLoadedMachineKeepsOnlyTheBase() throws InterruptedException {
        try (Rig rig = new Rig(new Pooling(1, 4, -1))) {
            assertThat(rig.pools.take(rig.usual)).isEmpty(); // grows
            rig.pools.start();

            await().atMost(SOON).until(() -> rig.pools.ready() == 1);
            rig.pools.tend();
            Thread.sleep(Duration.ofSeconds(1)); // for a second room that must not come

            assertThat(rig.pools.ready()).isEqualTo(1);
        }
    }

    @Test
    void aKindInFrequentUseHasAPoolUntilNobodyUsesIt() {
        try (Rig rig = new Rig(new Pooling(1, 1, ANY_LOAD))) {
            var small = new Pools.Kind(
                    Templates.DEFAULT,
                    new Limits(
                            Limits.DEFAULT.memoryBytes() / 2,
                            Limits.DEFAULT.cpuMillis(),
                            Limits.DEFAULT.pids(),
                            Limits.DEFAULT.diskBytes(),
                            Limits.DEFAULT.inodes()));
            rig.pools.start();
            await().atMost(SOON).until(() -> rig.pools.ready() == 1);

            assertThat(rig.pools.take(small)).isEmpty();
            clock.advance(Pools.FREQUENT.minusSeconds(60));
            assertThat(rig.pools.take(small)).isEmpty();
            clock.advance(Duration.ofMinutes(2));
            assertThat(rig.pools.take(small)).isEmpty(); // the third, but not within the time
            assertThat(rig.pools.ready()).isEqualTo(1);
            assertThat(rig.pools.take(small)).isEmpty();
            await().atMost(SOON).until(() -> rig.pools.ready() == 2);

            Optional<FinishedRoom> own = rig.pools.take(small);
            assertThat(own).isPresent();
            own.ifPresent(room -> rig.factory.destroyQuietly(room.room()));
            await().atMost(SOON).until(() -> rig.pools.ready() == 2);

            clock.advance(Pools.FREQUENT.plusSeconds(1));
            rig.pools.tend();
            await().atMost(SOON).until(() -> NothingLeft.sandboxes(rig.process).size() == 1);
            assertThat(rig.pools.ready()).isEqualTo(1);
            assertThat(rig.pools.take(small)).isEmpty();
        }
    }

    @Test
    void aRoomThatDiedBeforeItWasReadyIsNotGivenOut() {
        var first = new AtomicBoolean(true);
        try (Rig rig = new Rig(new Pooling(1, 1, ANY_LOAD), made -> {
            if (first.getAndSet(false)) {
                made.room().markDead();
            }
        })) {
            rig.pools.start();
            await().atMost(SOON).until(() -> rig.pools.ready() == 1);

            Optional<FinishedRoom> taken = rig.pools.take(rig.usual);

            assertThat(taken).isPresent();
            taken.ifPresent(room -> rig.factory.destroyQuietly(room.room()));
        }
    }

    private static EngineConfig config(RoomdProcess roomd, Pooling pooling) {
        return new EngineConfig(
                roomd.socket(),
                roomd.data().resolve("templates"),
                pooling,
                16,
                Limits.DEFAULT,
                SOON,
                Bounds.DEFAULT,
                EgressConfig.DEFAULT,
                roomd.records(),
                OnRestart.ADOPT,
                Keeping.DEFAULT);
    }

    /** Pools of real rooms without the engine around them. */
    private final class Rig implements AutoCloseable {
        final RoomdProcess process = RoomdProcess.start();
        final Timers timers = new Timers();
        final RoomdClient roomd = RoomdClient.connect(process.socket(), new Unheard());
        final Pools.Kind usual = new Pools.Kind(Templates.DEFAULT, Limits.DEFAULT);
        final RoomFactory factory;
        final Pools pools;

        Rig(Pooling pooling) {
            this(pooling, _ -> {});
        }

        Rig(Pooling pooling, Consumer<FinishedRoom> made) {
            var _ = roomd.call("hello", Json.object(), SOON);
            var templates = new Templates(process.data().resolve("templates"));
            this.factory = new RoomFactory(
                    roomd,
                    timers,
                    new Zygotes(roomd, templates),
                    new Ids(),
                    Bounds.DEFAULT,
                    new EngineMetrics(new SimpleMeterRegistry()));
            this.pools = new Pools(
                    pooling,
                    usual,
                    clock,
                    new PoolHost(new HostMemory(0), pooling.loadPerCore()),
                    kind -> {
                        FinishedRoom room = factory.buildWarm(kind.template(), kind.limits(), SOON);
                        made.accept(room);
                        return room;
                    },
                    factory::destroyQuietly);
        }

        @Override
        public void close() {
            pools.close();
            var _ = roomd.call("shutdown", Json.object(), SOON);
            roomd.close();
            timers.close();
            process.close();
        }
    }

    private static final class Unheard implements RoomdEvents {
        @Override
        public void guestExited(String room, String name, GuestExit exit) {}

        @Override
        public void roomExited(String room) {}

        @Override
        public void outOfMemory(String room, long kills) {}

        @Override
        public void answered(String op, boolean ok, long nanos) {}

        @Override
        public void zygoteExited(String template) {}

        @Override
        public void roomdGone(EngineException cause) {}
    }
}
