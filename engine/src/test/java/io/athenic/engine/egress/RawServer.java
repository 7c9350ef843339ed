package io.athenic.engine.egress;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A server of which the test is every byte. */
final class RawServer implements AutoCloseable {
    private final ServerSocket listener;
    private final LinkedBlockingQueue<Socket> accepted = new LinkedBlockingQueue<>();
    private final Set<Socket> all = ConcurrentHashMap.newKeySet();

    RawServer() throws IOException {
        listener = new ServerSocket(0, 50, ProxyFixture.LOOPBACK);
        Thread.ofVirtual().name("raw-server").start(() -> {
            try {
                while (true) {
                    Socket socket = listener.accept();
                    socket.setSoTimeout(60_000);
                    all.add(socket);
                    accepted.add(socket);
                }
            } catch (IOException _) {
                return; // closed
            }
        });
    }

    int port() {
        return listener.getLocalPort();
    }

    /** The next connection. */
    Socket next() throws InterruptedException {
        Socket socket = accepted.poll(60, TimeUnit.SECONDS);
        if (socket == null) {
            throw new AssertionError("nobody connected");
        }
        return socket;
    }

    boolean untouched() {
        return all.isEmpty();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : all) {
            socket.close();
        }
    }
}
