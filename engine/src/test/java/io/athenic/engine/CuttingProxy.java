package io.athenic.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Stands between servers, one after the other, and roomd; stops what it is told to on its way, so that the server can be killed just then. */
final class CuttingProxy implements AutoCloseable {
    /** When the server is killed, seen from a request. */
    enum Moment {
        /** roomd does not know of it. */
        ASKED,
        /** roomd has read it and finds its client gone. */
        UNDER_WAY,
        /** roomd has done it, the server does not know. */
        ANSWERED
    }

    private static final Set<String> OF_NO_LANE = Set.of("hello", "rooms.stat", "room.stat", "zygote.start");

    private final ServerSocketChannel listener;
    private final Path roomd;
    private final Consumer<String> onRoom;

    @GuardedBy("this")
    private final Map<String, Lane> lanes = new HashMap<>();

    @GuardedBy("this")
    private final Map<Lane, Integer> steps = new EnumMap<>(Lane.class);

    @GuardedBy("this")
    private final Map<Integer, Lane> awaited = new HashMap<>();

    @GuardedBy("this")
    private final Map<Lane, String> stopped = new EnumMap<>(Lane.class);

    @GuardedBy("this")
    private final List<String> held = new ArrayList<>();

    @GuardedBy("this")
    private final Set<Lane> armed = new HashSet<>();

    @GuardedBy("this")
    private int step;

    @GuardedBy("this")
    private Moment moment = Moment.ASKED;

    @GuardedBy("this")
    private @Nullable SocketChannel server;

    @GuardedBy("this")
    private @Nullable SocketChannel upstream;

    /** @param onRoom told of each sandbox whose room is about to be made */
    CuttingProxy(Path socket, Path roomd, Consumer<String> onRoom) throws IOException {
        this.roomd = roomd;
        this.onRoom = onRoom;
        Files.deleteIfExists(socket);
        this.listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket));
        Thread.ofVirtual().name("proxy").start(this::accept);
    }

    /** From now on the request number {@code step} of each of these lanes is stopped at that moment. */
    synchronized void arm(Map<Lane, String> subjects, int step, Moment moment) {
        lanes.clear();
        steps.clear();
        stopped.clear();
        subjects.forEach((lane, sandbox) -> lanes.put(sandbox, lane));
        armed.addAll(subjects.keySet());
        this.step = step;
        this.moment = moment;
    }

    /** The lanes that are stopped now, with the operation at which they are. */
    synchronized Map<Lane, String> stopped() {
        return new EnumMap<>(stopped);
    }

    /** roomd loses its client, after it was sent what was stopped on its way, if this is the moment. */
    synchronized void cut() throws IOException {
        SocketChannel roomdsEnd = java.util.Objects.requireNonNull(upstream);
        if (moment == Moment.UNDER_WAY) {
            for (String line : held) {
                write(roomdsEnd, line);
            }
        }
        held.clear();
        awaited.clear();
        armed.clear();
        roomdsEnd.close();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel client = listener.accept();
                SocketChannel target = SocketChannel.open(UnixDomainSocketAddress.of(roomd));
                synchronized (this) {
                    closeConnections();
                    server = client;
                    upstream = target;
                }
                Thread.ofVirtual().name("proxy-requests").start(() -> relay(client, target, this::toRoomd));
                Thread.ofVirtual().name("proxy-answers").start(() -> relay(target, client, this::toServer));
            }
        } catch (IOException _) {
            // closed
        }
    }

    /** Whether a line goes on. */
    private interface Judge {
        boolean passes(JsonNode message, String line);
    }

    /** The end of one side is passed on. */
    private void relay(SocketChannel from, SocketChannel to, Judge judge) {
        try (var lines = new BufferedReader(Channels.newReader(from, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode message = Json.parse(line.getBytes(StandardCharsets.UTF_8));
                synchronized (this) {
                    if (judge.passes(message, line)) {
                        write(to, line);
                    }
                }
            }
        } catch (IOException _) {
            // one of them was killed, or cut
        }
        try {
            to.close();
        } catch (IOException _) {
            // closed is closed
        }
    }

    private synchronized boolean toRoomd(JsonNode message, String line) {
        Lane lane = laneOf(message);
        if (lane == null || steps.merge(lane, 1, Integer::sum) != step) {
            return true;
        }
        if (moment == Moment.ANSWERED) {
            awaited.put(message.path("id").asInt(), lane);
            return true;
        }
        held.add(line);
        stopped.put(lane, Json.text(message, "op"));
        return false;
    }

    private synchronized boolean toServer(JsonNode message, String line) {
        Lane lane = message.has("id") ? awaited.remove(message.path("id").asInt()) : null;
        if (lane != null) {
            stopped.put(lane, line);
        }
        return lane == null;
    }

    @GuardedBy("this")
    private @Nullable Lane laneOf(JsonNode message) {
        String op = Json.text(message, "op");
        String sandbox = Json.text(message, "sandbox");
        if (op.equals("room.create")) {
            onRoom.accept(sandbox);
            lanes.putIfAbsent(sandbox, message.has("layers") ? Lane.FORK : Lane.CREATE);
        }
        Lane lane = op.equals("snapshot.drop") ? Lane.FORK : lanes.get(sandbox);
        return lane == null || !armed.contains(lane) || OF_NO_LANE.contains(op) ? null : lane;
    }

    private static void write(SocketChannel channel, String line) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    @GuardedBy("this")
    private void closeConnections() throws IOException {
        if (server != null) {
            server.close();
        }
        if (upstream != null) {
            upstream.close();
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        synchronized (this) {
            closeConnections();
        }
    }
}
