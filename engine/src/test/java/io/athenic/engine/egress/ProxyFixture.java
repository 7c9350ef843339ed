package io.athenic.engine.egress;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** A sandbox's proxy without a sandbox: programs connect to a port of this machine. */
final class ProxyFixture implements AutoCloseable {
    static final InetAddress LOOPBACK = Inet4Address.ofLiteral("127.0.0.1");

    private final ServerSocketChannel port;
    private final Egress egress;
    private final SandboxEgress proxy;
    private final AtomicInteger accepted = new AtomicInteger();

    ProxyFixture(EgressConfig config, Resolver resolver, NetworkPolicy policy) throws IOException {
        this(new Egress(config, resolver, InstantSource.system(), Set::of), policy);
    }

    /** The proxy of one more sandbox; who closes it first closes the server's part of both. */
    ProxyFixture(Egress egress, NetworkPolicy policy) throws IOException {
        this.egress = egress;
        port = ServerSocketChannel.open().bind(new InetSocketAddress(LOOPBACK, 0));
        proxy = egress.open("test", this::accept, policy);
    }

    private Wire accept() throws IOException {
        SocketChannel channel = port.accept();
        accepted.incrementAndGet();
        return new SocketWire(channel);
    }

    private record SocketWire(SocketChannel channel) implements Wire {
        @Override
        public int read(ByteBuffer target) throws IOException {
            return channel.read(target);
        }

        @Override
        public int write(ByteBuffer source) throws IOException {
            return channel.write(source);
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void endOutput() {
            try {
                channel.shutdownOutput();
            } catch (IOException _) {
                close();
            }
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    SandboxEgress proxy() {
        return proxy;
    }

    Egress egress() {
        return egress;
    }

    /** How many programs were let in so far. */
    int accepted() {
        return accepted.get();
    }

    Socket connect() throws IOException {
        Socket socket = new Socket(LOOPBACK, ((InetSocketAddress) port.getLocalAddress()).getPort());
        socket.setSoTimeout(60_000);
        return socket;
    }

    /** All that the proxy answers to these bytes, until it closes. */
    String ask(String request) throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    @Override
    public void close() throws IOException {
        proxy.close();
        egress.close();
        port.close();
    }
}
