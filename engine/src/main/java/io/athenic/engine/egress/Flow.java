package io.athenic.engine.egress;

import io.athenic.engine.egress.HttpHead.Field;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a program to the proxy: one request, of which the connection is the end. A second one on the same connection could
 * be for another host, and an answer that is followed by nothing cannot be mistaken for another's.
 */
final class Flow {
    private static final int MOST_ADDRESSES = 3;

    /** A fatal alert, "unrecognized_name" (RFC 8446, 6): what a program gets whose TLS asks for another host than its CONNECT. */
    private static final byte[] WRONG_NAME = {21, 3, 3, 0, 2, 2, 112};

    private final Egress egress;
    private final SandboxEgress owner;
    private final Wire program;
    private final HttpReader fromProgram;
    private volatile long deadline;
    private volatile @Nullable Link link;
    private volatile boolean closed;

    /** Whether the decision is in the log. Of the thread that serves. */
    private boolean logged;

    /** What a connection that was let through is connected to. */
    private record Link(Target target, InetAddress address, SocketChannel server, EventLog.Entry entry) {}

    Flow(Egress egress, SandboxEgress owner, Wire program) {
        this.egress = egress;
        this.owner = owner;
        this.program = program;
        this.fromProgram = new HttpReader(program);
        lasts(egress.config().head());
    }

    private void lasts(Duration time) {
        deadline = System.nanoTime() + time.toNanos();
    }

    /** Serves it to its end. {@code place}: whether the server has a place for it. */
    void run(boolean place) {
        String method = "";
        Target target = new Target("", Optional.empty(), 0);
        try {
            HttpHead head = fromProgram.head();
            if (head == null) {
                return;
            }
            String[] words = head.start().split(" ", -1);
            if (words.length != 3
                    || !words[0].matches("[A-Z]{1,20}")
                    || !words[2].matches("HTTP/1\\.[01]")
                    || !words[1].matches("[!-~]+")) {
                throw Refusal.malformed("this is the sandbox's proxy: its request line is METHOD http://HOST/PATH"
                        + " HTTP/1.1 or CONNECT HOST:PORT HTTP/1.1");
            }
            method = words[0];
            boolean connect = method.equals("CONNECT");
            target = connect ? Target.parse(words[1], 0) : plainTarget(words[1]);
            boolean http11 = words[2].equals("HTTP/1.1");
            Framing body = head.requestFraming(http11);
            if (connect && !(body instanceof Framing.Length(long length) && length == 0)) {
                throw Refusal.malformed("a CONNECT has no body");
            }
            if (!place) {
                throw Refusal.failed(503, "too many connections of all sandboxes are under way: try again");
            }
            Link made = open(method, target);
            if (connect) {
                tunnel(made);
            } else {
                forward(made, head, words, body);
            }
        } catch (Refusal refusal) {
            refuse(refusal, method, target);
        } catch (IOException e) {
            Link broken = link;
            if (broken != null) {
                broken.entry.ends(NetworkEvent.Verdict.ALLOWED, "the connection broke");
            }
        }
    }

    private static Target plainTarget(String uri) throws Refusal {
        if (!uri.regionMatches(true, 0, "http://", 0, 7)) {
            throw Refusal.malformed("the proxy takes http:// addresses, and CONNECT for everything that is encrypted");
        }
        int end = 7;
        while (end < uri.length() && "/?#".indexOf(uri.charAt(end)) < 0) {
            end++;
        }
        return Target.parse(uri.substring(7, end), 80);
    }

    private Link open(String method, Target target) throws Refusal {
        lasts(egress.config().connect().multipliedBy(MOST_ADDRESSES + 1));
        List<InetAddress> addresses = egress.decide(target, owner);
        EventLog.Entry entry = owner.log().add(NetworkEvent.Verdict.ALLOWED, method, target.host(), target.port(), "");
        logged = true;
        egress.count(NetworkEvent.Verdict.ALLOWED);
        Refusal last = Refusal.failed(502, "it cannot be reached");
        for (InetAddress address : addresses.subList(0, Math.min(MOST_ADDRESSES, addresses.size()))) {
            try {
                SocketChannel server = connect(address, target.port());
                entry.opened(address.getHostAddress());
                Link made = new Link(target, address, server, entry);
                link = made;
                // The policy may have changed, and the sandbox ended, while it was connected.
                recheck(owner.policy());
                if (closed) {
                    close();
                }
                lasts(egress.config().idle());
                return made;
            } catch (SocketTimeoutException e) {
                last = Refusal.failed(
                        504,
                        "connecting took longer than "
                                + egress.config().connect().toSeconds() + " s");
            } catch (IOException e) {
                last = Refusal.failed(502, "connecting to port " + target.port() + " was refused or failed");
            }
        }
        entry.ends(NetworkEvent.Verdict.FAILED, last.text());
        egress.count(NetworkEvent.Verdict.FAILED);
        throw last;
    }

    private SocketChannel connect(InetAddress address, int port) throws IOException {
        SocketChannel server = SocketChannel.open();
        try {
            server.socket().connect(new InetSocketAddress(address, port), (int)
                    egress.config().connect().toMillis());
            server.setOption(StandardSocketOptions.TCP_NODELAY, true);
            return server;
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private void tunnel(Link made) throws IOException {
        write(program, ascii("HTTP/1.1 200 Connection established\r\n\r\n"));
        Thread upward = Thread.ofVirtual()
                .name(Thread.currentThread().getName() + "-up")
                .start(() -> up(made));
        try {
            ByteBuffer buffer = ByteBuffer.allocate(32 << 10);
            while (made.server.read(buffer.clear()) >= 0) {
                receive(made, buffer.flip());
            }
            program.endOutput();
            join(upward);
        } finally {
            close(); // ends the other direction too
            join(upward);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private void up(Link made) {
        try {
            if (greet(made)) {
                fromProgram.body(new Framing.ToEnd(), bytes -> send(made, bytes));
                made.server.shutdownOutput();
            }
        } catch (IOException e) {
            close();
        }
    }

    /** Holds back the first bytes until they are known to be no TLS, or TLS for the host that was asked for. */
    private boolean greet(Link made) throws IOException {
        ByteBuffer first = ByteBuffer.allocate(ClientHello.MAX);
        while (true) {
            ByteBuffer more = fromProgram.some();
            if (!more.hasRemaining()) {
                break;
            }
            int count = Math.min(more.remaining(), first.remaining());
            first.put(more.slice(more.position(), count));
            more.position(more.position() + count);
            ClientHello.Seen seen = ClientHello.read(first.duplicate().flip());
            if (seen instanceof ClientHello.Seen.Part && !first.hasRemaining()) {
                seen = new ClientHello.Seen.Unreadable();
            }
            if (!(seen instanceof ClientHello.Seen.Part)) {
                Optional<String> wrong = wrongName(made, seen);
                if (wrong.isPresent()) {
                    made.entry.ends(NetworkEvent.Verdict.DENIED, wrong.get());
                    egress.count(NetworkEvent.Verdict.DENIED);
                    write(program, ByteBuffer.wrap(WRONG_NAME));
                    close();
                    return false;
                }
                break;
            }
        }
        send(made, first.flip());
        return true;
    }

    private Optional<String> wrongName(Link made, ClientHello.Seen seen) {
        Target target = made.target;
        return switch (seen) {
            case ClientHello.Seen.Unreadable _ -> Optional.of("its TLS hello cannot be read");
            case ClientHello.Seen.Hello hello
            when hello.name() != null -> {
                String name = hello.name();
                if (target.literal().isEmpty()) {
                    yield name.equals(target.host())
                            ? Optional.empty()
                            : Optional.of("its TLS asks for another host than its CONNECT");
                }
                try {
                    egress.check(name, made.address, target.port(), owner.policy());
                    yield Optional.empty();
                } catch (Refusal refusal) {
                    yield Optional.of("its TLS asks for a host that is denied: " + refusal.text());
                }
            }
            default -> Optional.empty();
        };
    }

    private void forward(Link made, HttpHead head, String[] words, Framing body) throws IOException {
        List<Field> fields = new ArrayList<>();
        fields.add(new Field("Host", made.target.authority(80)));
        head.onward().stream().filter(field -> !field.is("host")).forEach(fields::add);
        fields.add(new Field("Connection", "close"));
        send(made, ByteBuffer.wrap(HttpHead.write(words[0] + " " + path(words[1]) + " " + words[2], fields)));
        Thread upward = Thread.ofVirtual()
                .name(Thread.currentThread().getName() + "-up")
                .start(() -> {
                    try {
                        fromProgram.body(body, bytes -> sendBody(made, bytes));
                    } catch (UncheckedIOException _) {
                        return; // the server takes no more of it, and may have answered
                    } catch (IOException e) {
                        made.entry.ends(NetworkEvent.Verdict.ALLOWED, "the request's body broke off");
                        close();
                    }
                });
        try {
            answer(made, words[0]);
        } catch (Refusal refusal) {
            made.entry.ends(refusal.verdict(), refusal.text());
            tell(refusal, words[0], made.target);
        } finally {
            close(); // wakes the sender of a body that the server did not want
            join(upward);
        }
    }

    private void sendBody(Link made, ByteBuffer bytes) {
        try {
            send(made, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String path(String uri) {
        int slash = 7;
        while (slash < uri.length() && "/?#".indexOf(uri.charAt(slash)) < 0) {
            slash++;
        }
        String rest = uri.substring(slash);
        int fragment = rest.indexOf('#');
        String path = fragment < 0 ? rest : rest.substring(0, fragment);
        return path.startsWith("/") ? path : "/" + path;
    }

    private void answer(Link made, String method) throws IOException, Refusal {
        HttpReader fromServer = new HttpReader(made.server);
        while (true) {
            HttpHead head;
            try {
                head = fromServer.head();
            } catch (Refusal refusal) {
                throw Refusal.failed(502, "the server's answer is malformed: " + refusal.text());
            }
            if (head == null) {
                throw Refusal.failed(502, "the server closed the connection without an answer");
            }
            if (!head.start().matches("HTTP/1\\.[01] [1-9]\\d\\d( .*)?")
                    || head.start().startsWith("101", 9)) {
                throw Refusal.failed(502, "the server's answer is not one of HTTP/1.1");
            }
            int status = Integer.parseInt(head.start().substring(9, 12));
            List<Field> fields = new ArrayList<>(head.onward());
            boolean last = status >= 200;
            if (last) {
                fields.add(new Field("Connection", "close"));
            }
            receive(made, ByteBuffer.wrap(HttpHead.write(head.start(), fields)));
            if (last) {
                boolean none = method.equals("HEAD") || status == 204 || status == 304;
                fromServer.body(none ? new Framing.Length(0) : head.answerFraming(), bytes -> receive(made, bytes));
                program.endOutput();
                return;
            }
        }
    }

    private void send(Link made, ByteBuffer bytes) throws IOException {
        int count = bytes.remaining();
        write(made.server, bytes);
        moved(made.entry.sent, true, count);
    }

    private void receive(Link made, ByteBuffer bytes) throws IOException {
        int count = bytes.remaining();
        write(program, bytes);
        moved(made.entry.received, false, count);
    }

    private void moved(java.util.concurrent.atomic.AtomicLong counter, boolean fromSandbox, int count) {
        counter.addAndGet(count);
        egress.countBytes(fromSandbox, count);
        lasts(egress.config().idle());
    }

    private static void write(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private void refuse(Refusal refusal, String method, Target target) {
        Link made = link;
        if (made != null) {
            made.entry.ends(refusal.verdict(), refusal.text());
        } else if (!logged) {
            owner.log().add(refusal.verdict(), method, target.host(), target.port(), refusal.text());
            egress.count(refusal.verdict());
        }
        try {
            tell(refusal, method, target);
            drain();
        } catch (IOException _) {
            return; // nobody there to be told
        }
    }

    private void tell(Refusal refusal, String method, Target target) throws IOException {
        String where = target.host().isEmpty() ? "" : target.authority(0) + ": ";
        byte[] body = (where + refusal.text() + "\n").getBytes(StandardCharsets.UTF_8);
        write(
                program,
                ascii("HTTP/1.1 " + refusal.status() + " " + where + refusal.text()
                        + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + body.length
                        + "\r\nConnection: close\r\n\r\n"));
        if (!method.equals("HEAD")) {
            write(program, ByteBuffer.wrap(body));
        }
        program.endOutput();
    }

    /** What the program is still sending is read for a while: a close with unread bytes would take our answer away from it. */
    private void drain() throws IOException {
        lasts(Duration.ofSeconds(2));
        long most = 1 << 20;
        for (ByteBuffer more = fromProgram.some(); more.hasRemaining() && most > 0; more = fromProgram.some()) {
            most -= more.remaining();
            more.position(more.limit());
        }
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Cuts it when the policy does not allow it any more. */
    void recheck(NetworkPolicy policy) {
        Link made = link;
        if (made != null) {
            try {
                egress.check(made.target.host(), made.address, made.target.port(), policy);
            } catch (Refusal refusal) {
                cut("the sandbox's rules have changed: " + refusal.text());
            }
        }
    }

    void closeWhenLate(long now) {
        if (now - deadline > 0) {
            cut("nothing was sent for too long");
        }
    }

    /** Ends it and says why. */
    void cut(String reason) {
        Link made = link;
        if (made != null) {
            made.entry.ends(NetworkEvent.Verdict.ALLOWED, reason);
        }
        close();
    }

    void close() {
        closed = true;
        program.close();
        Link made = link;
        if (made != null) {
            made.entry.closed();
            try {
                made.server.close();
            } catch (IOException _) {
                return; // of no interest: it is gone either way
            }
        }
    }
}
