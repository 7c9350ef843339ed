package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class EventQueueTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    private final EventQueue<Integer> queue = new EventQueue<>(100);

    @Test
    void aFullQueueHoldsTheWriterUntilTheReaderTakes() throws InterruptedException {
        AtomicInteger written = new AtomicInteger();
        Thread writer = Thread.ofVirtual().start(() -> {
            try {
                for (int i = 0; i < 10; i++) {
                    queue.put(i, 40);
                    written.incrementAndGet();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        await().atMost(LONG).until(() -> written.get() == 2 && writer.getState() == Thread.State.WAITING);

        for (int i = 0; i < 10; i++) {
            assertThat(queue.next(LONG)).isEqualTo(i);
        }

        assertThat(writer.join(LONG)).isTrue();
    }

    @Test
    void anEventLargerThanTheBoundIsLetInAlone() throws InterruptedException {
        queue.put(1, 1000);

        assertThat(queue.next(LONG)).isEqualTo(1);
    }

    @Test
    void nothingWithinTheTimeIsNull() throws InterruptedException {
        assertThat(queue.next(Duration.ofMillis(1))).isNull();
    }

    @Test
    void whatCameBeforeAFailureIsReadBeforeIt() throws InterruptedException {
        queue.put(1, 1);
        queue.fail(new EngineException(ErrorCode.UNAVAILABLE, "gone"));

        assertThat(queue.next(LONG)).isEqualTo(1);
        assertThatThrownBy(() -> queue.next(LONG))
                .isInstanceOf(EngineException.class)
                .hasMessage("gone");
    }

    @Test
    void closingWakesTheWriterAndTheReader() throws InterruptedException {
        queue.put(1, 100);
        Thread writer = Thread.ofVirtual().start(() -> {
            try {
                queue.put(2, 100);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        await().atMost(LONG).until(() -> writer.getState() == Thread.State.WAITING);

        queue.close();

        assertThat(writer.join(LONG)).isTrue();
        assertThatThrownBy(() -> queue.next(LONG)).isInstanceOf(EngineException.class);
    }
}
