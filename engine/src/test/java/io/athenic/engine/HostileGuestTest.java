package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What reads the sockets of a sandbox, against a peer that sends what no agent and no kernel sends. Whatever comes, each reader ends within bounded
 * time in an event, an end or an {@link EngineException}, its thread ends, and what it took of the memory for large messages is given back. The seeds
 * are fixed; {@code -Dathenic.fuzz=N} tries N times as many.
 */
@Timeout(300)
final class HostileGuestTest {
    private static final Duration WAIT = Duration.ofSeconds(60);
    private static final int ROUNDS = 150 * Integer.getInteger("athenic.fuzz", 1);

    private final Timers timers = new Timers();
    private final GuestMemory memory = new GuestMemory(16 << 20, Duration.ofMillis(200));
    private final AtomicInteger open = new AtomicInteger();

    @SuppressWarnings("NullAway.Init")
    private ServerSocketChannel silent;

    @SuppressWarnings("NullAway.Init")
    private RoomdClient roomd;

    @SuppressWarnings("NullAway.Init")
    private Room room;

    @SuppressWarnings("NullAway.Init")
    private ServerSocketChannel server;

    @SuppressWarnings("NullAway.Init")
    private Path socket;

    @BeforeEach
    void listen(@TempDir Path folder) throws IOException {
        socket = folder.resolve("guest.sock");
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        silent = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        silent.bind(UnixDomainSocketAddress.of(folder.resolve("roomd.sock")));
        roomd = RoomdClient.connect(folder.resolve("roomd.sock"), new Deaf());
        room = new Room(
                roomd,
                new Zygotes(roomd, new Templates(folder)),
                timers,
                "hostile",
                "none",
                Limits.DEFAULT,
                64 << 20,
                new EngineMetrics(new SimpleMeterRegistry()),
                memory,
                List.of());
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        await().atMost(WAIT).until(() -> open.get() == 0);
        await().atMost(WAIT).untilAsserted(() -> assertThat(memory.freeKib()).isEqualTo(16 << 10));
        roomd.close();
        silent.close();
        server.close();
        timers.close();
    }

    @Test
    void randomBytesEndEveryReader() throws Exception {
        for (int seed = 0; seed < ROUNDS; seed++) {
            byte[] bytes = new byte[new Random(seed).nextInt(4000)];
            new Random(seed).nextBytes(bytes);
            tryAll(bytes);
        }
    }

    @Test
    void mutatedSessionsEndEveryReader() throws Exception {
        byte[] session = session();
        for (int seed = 0; seed < ROUNDS; seed++) {
            tryAll(mutated(session, new Random(seed)));
        }
    }

    @Test
    void framesOfAnyKindInAnyOrderEndEveryReader() throws Exception {
        for (int seed = 0; seed < ROUNDS; seed++) {
            Random random = new Random(seed);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (int count = random.nextInt(30); count > 0; count--) {
                out.write(frame(random.nextInt(6), randomJson(random).getBytes(StandardCharsets.UTF_8)));
            }
            tryAll(out.toByteArray());
        }
    }

    @Test
    void lengthsThatLieEndEveryReader() throws Exception {
        for (int length :
                new int[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, Frame.MAX_LENGTH + 1, Frame.MAX_LENGTH, 2}) {
            tryAll(ByteBuffer.allocate(9).putInt(length).put((byte) 0).putInt(7).array());
        }
    }

    @Test
    void deepAndWideJsonEndsEveryReader() throws Exception {
        for (String json : List.of(
                "[".repeat(500_000),
                "{\"type\":\"result\",\"json\":" + "[".repeat(60) + "]".repeat(60) + "}",
                "{\"type\":\"result\",\"json\":[" + "[],".repeat(300_000) + "0]}",
                "{\"end\":{\"exitCode\":" + "9".repeat(500_000) + "}}",
                "{\"entry\":{\"size\":1e999999999}}",
                "{\"type\":\"number_of_executions\",\"execution_count\":-9223372036854775809}")) {
            tryAll(frame(Frame.JSON, json.getBytes(StandardCharsets.UTF_8)));
        }
    }

    @Test
    void largeMessagesOfManyKernelsShareOneBound() throws Exception {
        String text = "x".repeat(500_000);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(json("{'type':'number_of_executions','execution_count':1}"));
        for (int message = 0; message < 4; message++) {
            out.write(json("{'type':'part','text':'{\\\"type\\\":\\\"result\\\",\\\"text\\\":\\\"'}"));
            for (int part = 0; part < 12; part++) {
                out.write(json("{'type':'part','text':'" + text + "'}"));
            }
            out.write(json("{'type':'part','text':'\\\"}','last':true}"));
        }
        out.write(json("{'type':'end_of_execution'}"));

        // Nobody reads: what waits must stay within the bound, whatever the number of streams.
        List<KernelStream> streams = new ArrayList<>();
        for (int count = 0; count < 8; count++) {
            streams.add(kernel(peer(out.toByteArray())));
        }
        await().atMost(WAIT).until(() -> memory.freeKib() < 8 << 10);

        for (KernelStream stream : streams) {
            assertThat(end(stream::next)).isNotBlank();
            stream.close();
        }
    }

    @Test
    void aMessageThatStopsHalfwayGivesItsMemoryBackWithItsStream() throws Exception {
        KernelStream stream = kernel(peer(json("{'type':'part','text':'" + "y".repeat(900_000) + "'}")));
        assertThat(end(stream::next)).isNotBlank();
        stream.close();
    }

    /** Every reader gets the same bytes, whole or in pieces. */
    private void tryAll(byte[] bytes) throws Exception {
        KernelStream kernel = kernel(peer(bytes));
        assertThat(end(kernel::next)).isNotBlank();
        kernel.close();

        AgentProcessStream process = new AgentProcessStream(peer(bytes), 1, room, 0);
        process.begin("hostile-process", null);
        assertThat(end(process::next)).isNotBlank();
        process.close();

        AgentWatchStream watch = new AgentWatchStream(peer(bytes));
        watch.begin("hostile-watch", null);
        assertThat(end(watch::next)).isNotBlank();
        watch.close();

        try (GuestConnection file = peer(bytes)) {
            new FrameInputStream(file).readAllBytes();
        } catch (IOException expected) {
            assertThat(expected.getMessage()).isNotBlank();
        }
        try (GuestConnection answer = peer(bytes)) {
            answer.call(Json.object().put("op", "fs.stat"), WAIT);
        } catch (EngineException expected) {
            assertThat(expected.getMessage()).isNotBlank();
        }
    }

    private interface Next<E> {
        @Nullable
        E next(Duration maxWait) throws InterruptedException;
    }

    /** Reads to the end, which must come: its words. */
    private static <E> String end(Next<E> stream) throws InterruptedException {
        for (int events = 0; events < 100_000; events++) {
            try {
                E event = stream.next(WAIT);
                if (event == null) {
                    throw new AssertionError("the stream waits for ever");
                }
                if (event instanceof KernelEvent.Finished || event instanceof ProcessEvent.Ended) {
                    return "ended";
                }
            } catch (EngineException e) {
                return String.valueOf(e.getMessage());
            }
        }
        throw new AssertionError("the stream does not end");
    }

    private KernelStream kernel(GuestConnection connection) {
        KernelStream stream = new KernelStream(
                connection,
                timers,
                KernelStream.Durability.NONE,
                memory.new Share(),
                new CellWatch(room, 0),
                () -> new KernelEvent.Failed("Died", "it is gone", ""),
                () -> {},
                ended -> {});
        stream.begin("hostile-kernel");
        return stream;
    }

    /** A connection to a peer that sends the bytes and hangs up. */
    private GuestConnection peer(byte[] bytes) throws IOException {
        open.incrementAndGet();
        GuestConnection connection =
                GuestConnection.open(GuestConnection.socket(), socket, timers, closed -> open.decrementAndGet());
        SocketChannel other = server.accept();
        Thread.ofVirtual().start(() -> {
            try (other) {
                ByteBuffer all = ByteBuffer.wrap(bytes);
                while (all.hasRemaining()) {
                    other.write(all);
                }
            } catch (IOException gone) {
                assertThat(gone).isNotNull(); // the reader had enough
            }
        });
        return connection;
    }

    private static byte[] session() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(json("{'type':'number_of_executions','execution_count':1}"));
        out.write(frame(Frame.STDOUT, "hällo".getBytes(StandardCharsets.UTF_8)));
        out.write(json(
                "{'type':'result','is_main_result':true,'text':'2','chart':{'type':'line','elements':[1,2.5,null]}}"));
        out.write(json("{'type':'part','text':'{\\\"type\\\":'}"));
        out.write(json("{'type':'part','text':'\\\"result\\\"}','last':true}"));
        out.write(
                json(
                        "{'entry':{'name':'a','type':'file','path':'/a','size':1,'mode':420,'permissions':'-','owner':'u','group':'g','modifiedMicros':1}}"));
        out.write(frame(Frame.DATA, new byte[] {1, 2, 3}));
        out.write(json("{'event':{'name':'a','type':'create'}}"));
        out.write(json("{'error':{'code':'not_found','message':'no'}}"));
        out.write(json("{'end':{'exitCode':1,'exited':true,'status':'exit status 1'}}"));
        out.write(json("{'ok':{'bytes':3}}"));
        out.write(json("{'type':'end_of_execution'}"));
        return out.toByteArray();
    }

    private static byte[] mutated(byte[] session, Random random) {
        byte[] bytes = session.clone();
        for (int change = random.nextInt(8); change >= 0; change--) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        int from = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : 0;
        int to = random.nextInt(3) == 0 ? from + random.nextInt(bytes.length - from) : bytes.length;
        return java.util.Arrays.copyOfRange(bytes, from, to);
    }

    private static String randomJson(Random random) {
        List<String> fields = List.of(
                "type",
                "end",
                "event",
                "entry",
                "ok",
                "error",
                "text",
                "last",
                "execution_count",
                "exitCode",
                "bytes",
                "name",
                "size",
                "code",
                "message");
        List<String> values = List.of(
                "1",
                "-1",
                "1e308",
                "null",
                "true",
                "\"x\"",
                "\"part\"",
                "\"result\"",
                "\"create\"",
                "\"error\"",
                "[]",
                "{}",
                "\"\\ud800\"",
                "99999999999999999999",
                "{\"exitCode\":null}",
                "{\"name\":[]}");
        StringBuilder text = new StringBuilder("{");
        for (int count = random.nextInt(5); count > 0; count--) {
            text.append('"').append(fields.get(random.nextInt(fields.size()))).append("\":");
            text.append(values.get(random.nextInt(values.size()))).append(',');
        }
        return text.append("\"type\":")
                .append(values.get(random.nextInt(values.size())))
                .append('}')
                .toString();
    }

    private static byte[] json(String text) {
        return frame(Frame.JSON, text.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] frame(int type, byte[] payload) {
        return ByteBuffer.allocate(5 + payload.length)
                .putInt(payload.length + 1)
                .put((byte) type)
                .put(payload)
                .array();
    }

    private static final class Deaf implements RoomdEvents {
        @Override
        public void guestExited(String sandbox, String name, GuestExit exit) {}

        @Override
        public void roomExited(String sandbox) {}

        @Override
        public void outOfMemory(String sandbox, long kills) {}

        @Override
        public void zygoteExited(String template) {}

        @Override
        public void roomdGone(EngineException cause) {}
    }
}
