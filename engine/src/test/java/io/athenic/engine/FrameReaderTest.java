package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class FrameReaderTest {
    @Test
    void framesComeOutAsTheyWentInHoweverTheBytesAreCut() throws IOException {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            List<Frame> sent = new ArrayList<>();
            ByteBuffer wire = ByteBuffer.allocate(4 << 20);
            for (int i = random.nextInt(20); i >= 0; i--) {
                byte[] payload = new byte[random.nextInt(random.nextInt(10) == 0 ? 100_000 : 50)];
                random.nextBytes(payload);
                Frame frame = new Frame(random.nextInt(5), payload);
                sent.add(frame);
                wire.putInt(payload.length + 1).put((byte) frame.type()).put(payload);
            }

            FrameReader reader = reader(slice(wire), random);

            for (Frame frame : sent) {
                Frame received = Objects.requireNonNull(reader.read());
                assertThat(received.type()).isEqualTo(frame.type());
                assertThat(received.payload()).isEqualTo(frame.payload());
            }
            assertThat(reader.read()).isNull();
        }
    }

    @Test
    void hostileBytesEndInAnErrorOrInFramesNeverInAnythingElse() {
        for (long seed = 0; seed < 20_000; seed++) {
            Random random = new Random(seed);
            byte[] bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
            if (bytes.length > 5 && random.nextBoolean()) { // often a plausible beginning
                ByteBuffer.wrap(bytes).putInt(random.nextInt(bytes.length)).put((byte) random.nextInt(6));
            }

            FrameReader reader = reader(bytes, random);

            try {
                for (Frame frame = reader.read(); frame != null; frame = reader.read()) {
                    assertThat(frame.payload().length).isLessThanOrEqualTo(bytes.length);
                }
            } catch (ProtocolException | EOFException expected) {
                assertThat(expected).hasMessageNotContaining("null");
            } catch (IOException e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
    }

    @Test
    void aLengthOutOfRangeIsRefusedBeforeItIsAllocated() {
        for (int length : new int[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, Frame.MAX_LENGTH + 1}) {
            byte[] header = ByteBuffer.allocate(5).putInt(length).array();

            assertThatThrownBy(() -> reader(header, new Random(1)).read())
                    .isInstanceOf(ProtocolException.class)
                    .hasMessageContaining(Integer.toUnsignedString(length));
        }
    }

    @Test
    void theLargestFrameIsTaken() throws IOException {
        byte[] bytes = new byte[Frame.HEADER + Frame.MAX_PAYLOAD];
        ByteBuffer.wrap(bytes).putInt(Frame.MAX_LENGTH).put((byte) Frame.STDOUT);

        Frame frame = Objects.requireNonNull(reader(bytes, new Random(1)).read());

        assertThat(frame.payload()).hasSize(Frame.MAX_PAYLOAD);
    }

    @Test
    void bytesBehindTheLastFrameAreNotLost() throws IOException {
        byte[] bytes = {0, 0, 0, 1, 0, 'r', 'a', 'w'};
        FrameReader reader = new FrameReader(Channels.newChannel(new ByteArrayInputStream(bytes)));

        reader.read();

        ByteBuffer rest = reader.remaining();
        assertThat(rest.remaining()).isEqualTo(3);
        assertThat(rest.get()).isEqualTo((byte) 'r');
    }

    private static byte[] slice(ByteBuffer wire) {
        byte[] bytes = new byte[wire.position()];
        wire.flip().get(bytes);
        return bytes;
    }

    /** A reader of the bytes that gets them in pieces of random size. */
    private static FrameReader reader(byte[] bytes, Random random) {
        ByteArrayInputStream all = new ByteArrayInputStream(bytes);
        InputStream pieces = new InputStream() {
            @Override
            public int read() {
                return all.read();
            }

            @Override
            public int read(byte[] target, int offset, int length) {
                return all.read(target, offset, Math.min(length, 1 + random.nextInt(3000)));
            }

            @Override
            public int available() {
                return 0; // else the channel waits for more than we give
            }
        };
        return new FrameReader(Channels.newChannel(pieces));
    }
}
