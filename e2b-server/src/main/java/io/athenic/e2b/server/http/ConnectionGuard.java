package io.athenic.e2b.server.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.websocketx.WebSocketFrameDecoder;
import io.netty.util.AttributeKey;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.impl.HttpServerConnection;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Stands between the socket of one connection and the HTTP decoder. It follows where each request begins and ends, so that it can tell a client that is idle
 * between requests (allowed, for long) from one that sends a head or a body slowly (cut off), and lets no head through that {@link RequestHead} refuses. Only for HTTP/1: the server must have HTTP/2 switched off.
 *
 * <p>All of it runs on the connection's event loop, but for {@link #look} and {@link #waitingNanos}, which the {@link Door}'s clock calls.
 */
final class ConnectionGuard extends ChannelInboundHandlerAdapter {
    private static final AttributeKey<ConnectionGuard> KEY = AttributeKey.valueOf(ConnectionGuard.class, "guard");

    /** What a WebSocket may send while its client does not read: each ping is answered by a pong, which waits in our memory. */
    private static final int MAX_UNANSWERED = 256 << 10;

    private enum State {
        /** Of the connection's life: no byte of a request yet. */
        FRESH,
        /** Between two requests. */
        IDLE,
        HEAD,
        BODY,
        /** No longer HTTP: a WebSocket, or raw bytes. */
        RAW,
        CLOSED
    }

    private final Door.Bounds bounds;
    private final Door.Refusals refusals;
    private final Channel channel;

    private volatile State state = State.FRESH;
    private volatile long since = System.nanoTime();
    private final AtomicInteger unanswered = new AtomicInteger();
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicLong bodyBytes = new AtomicLong();
    private volatile boolean patient;

    // Of the Door's clock alone: seconds in which the body of that request could have come and was waited for.
    private int waitedFor;
    private long bodyWaits;

    private byte[] head = new byte[512];
    private int headLength;
    private long bodyLeft;
    private @Nullable ChunkedBody chunks;
    private boolean answerBegun;
    private int sentUnread;

    private ConnectionGuard(Channel channel, Door.Bounds bounds, Door.Refusals refusals) {
        this.channel = channel;
        this.bounds = bounds;
        this.refusals = refusals;
    }

    /** Puts a guard before and behind the connection's HTTP codec; on its event loop, before its first byte. */
    static ConnectionGuard install(HttpConnection connection, Door.Bounds bounds, Door.Refusals refusals) {
        var context = ((HttpServerConnection) connection).channelHandlerContext();
        var guard = new ConnectionGuard(context.channel(), bounds, refusals);
        context.pipeline().addFirst("guard", guard).addBefore(context.name(), "answers", guard.new Answers());
        context.channel().attr(KEY).set(guard);
        return guard;
    }

    /** The body under way may come as slowly as its sender likes: somebody types it. */
    static void patient(HttpConnection connection) {
        var guard = ((HttpServerConnection) connection)
                .channelHandlerContext()
                .channel()
                .attr(KEY)
                .get();
        if (guard != null) {
            guard.patient = true;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (state == State.RAW && message instanceof ByteBuf in && floods(in.readableBytes())) {
            in.release();
            cut();
            return;
        }
        if (!(message instanceof ByteBuf in) || state == State.RAW) {
            context.fireChannelRead(message);
            return;
        }
        var start = in.readerIndex();
        var earlier = unanswered.get();
        try {
            if (state == State.CLOSED) {
                in.release();
                return;
            }
            while (in.isReadable()) {
                follow(in);
            }
        } catch (RefusedException e) {
            in.release();
            refuse(e, earlier == 0); // none of these bytes is handed on, so nothing in them is answered
            return;
        }
        in.readerIndex(start);
        context.fireChannelRead(in);
    }

    /** Raw bytes that are relayed have a flow control of their own. */
    private boolean floods(int bytes) {
        sentUnread = channel.isWritable() || channel.pipeline().get(WebSocketFrameDecoder.class) == null
                ? 0
                : sentUnread + bytes;
        return sentUnread > MAX_UNANSWERED;
    }

    private void follow(ByteBuf in) throws RefusedException {
        if (state != State.BODY) {
            readHead(in);
            return;
        }
        var from = in.readerIndex();
        boolean ended;
        if (chunks != null) {
            ended = chunks.skip(in);
        } else {
            var count = (int) Math.min(bodyLeft, in.readableBytes());
            in.skipBytes(count);
            bodyLeft -= count;
            ended = bodyLeft == 0;
        }
        bodyBytes.addAndGet(in.readerIndex() - from);
        if (ended) {
            become(State.IDLE);
        }
    }

    private void readHead(ByteBuf in) throws RefusedException {
        if (headLength == 0) {
            become(State.HEAD);
        }
        while (in.isReadable()) {
            var b = in.readByte();
            if (headLength == bounds.headBytes()) {
                throw new RefusedException(431, "the headers are longer than " + bounds.headBytes() + " bytes");
            }
            if (headLength == head.length) {
                head = Arrays.copyOf(head, Math.min(2 * head.length, bounds.headBytes()));
            }
            head[headLength++] = b;
            var afterReturn = headLength > 1 && head[headLength - 2] == '\r';
            if (afterReturn != (b == '\n')) {
                throw new RefusedException(400, "every line must end with CR LF, and neither may stand alone");
            }
            if (b == '\n' && (headLength == 2 || (headLength > 3 && head[headLength - 3] == '\n'))) {
                headRead();
                return;
            }
        }
    }

    private void headRead() throws RefusedException {
        if (headLength < 4) {
            throw new RefusedException(400, "an empty line is no request");
        }
        var request = RequestHead.read(head, headLength, bounds.lineBytes());
        headLength = 0;
        if (head.length > 4096) {
            head = new byte[512];
        }
        unanswered.incrementAndGet();
        requests.incrementAndGet();
        bodyLeft = request.bodyLength();
        chunks = bodyLeft == RequestHead.CHUNKED ? new ChunkedBody() : null;
        bodyBytes.set(0);
        patient = false;
        become(bodyLeft == 0 ? State.IDLE : State.BODY);
    }

    private void become(State next) {
        since = System.nanoTime();
        state = next;
    }

    /** @param told with an answer in words; not where an earlier request waits for its own, which it would be taken for */
    private void refuse(RefusedException why, boolean told) {
        state = State.CLOSED;
        if (!told || !channel.isActive()) {
            cut();
            return;
        }
        var body = refusals.body(why.status(), why.text()).getBytes(UTF_8);
        var answer = "HTTP/1.1 " + why.status() + " Refused\r\nContent-Type: application/json; charset=utf-8\r\n"
                + "Connection: close\r\nContent-Length: " + body.length + "\r\n\r\n";
        var _ = channel.pipeline()
                .firstContext()
                .writeAndFlush(Unpooled.wrappedBuffer(answer.getBytes(UTF_8), body))
                .addListener(ChannelFutureListener.CLOSE);
    }

    void onClose(Runnable action) {
        channel.closeFuture().addListener(nothing -> action.run());
    }

    /** Called once a second by the Door's clock. */
    void look() {
        switch (state) {
            case FRESH -> {
                if (elapsed(bounds.head().toNanos())) {
                    onLoop(State.FRESH, this::cut); // nothing was asked, so nothing is answered
                }
            }
            case IDLE -> {
                if (unanswered.get() == 0 && elapsed(bounds.idle().toNanos())) {
                    onLoop(State.IDLE, this::cut);
                }
            }
            case HEAD -> {
                // While the server itself does not read (a request before this one is under way) nobody is to blame.
                if (channel.config().isAutoRead() && elapsed(bounds.head().toNanos())) {
                    onLoop(
                            State.HEAD,
                            () -> refuse(
                                    new RefusedException(
                                            408,
                                            "the headers did not arrive within "
                                                    + bounds.head().toSeconds() + " s"),
                                    unanswered.get() == 0));
                }
            }
            case BODY -> lookAtBody();
            case RAW, CLOSED -> {}
        }
    }

    private void lookAtBody() {
        if (waitedFor != requests.get()) {
            waitedFor = requests.get();
            bodyWaits = 0;
        }
        if (patient || !channel.config().isAutoRead()) {
            return;
        }
        if (++bodyWaits > bounds.bodyGrace().toSeconds() + bodyBytes.get() / bounds.bodyBytesPerSecond()) {
            onLoop(
                    State.BODY,
                    () -> refuse(
                            new RefusedException(
                                    408,
                                    "the body arrives at less than " + bounds.bodyBytesPerSecond()
                                            + " bytes a second: send it faster or in parts"),
                            unanswered.get() == 1 && !answerBegun));
        }
    }

    private boolean elapsed(long nanos) {
        return System.nanoTime() - since > nanos;
    }

    private void onLoop(State seen, Runnable action) {
        channel.eventLoop().execute(() -> {
            if (state == seen) {
                action.run();
            }
        });
    }

    private void cut() {
        var _ = channel.close();
    }

    /** For how long nothing of this connection's has been under way; negative: something is. */
    long waitingNanos() {
        var free = unanswered.get() == 0 && (state == State.FRESH || state == State.IDLE || state == State.HEAD);
        return free ? System.nanoTime() - since : -1;
    }

    /** Ends a connection of which nothing is under way, to make room. */
    void makeRoom() {
        channel.eventLoop().execute(() -> {
            if (waitingNanos() >= 0) {
                cut();
            }
        });
    }

    /** Tells a connection for which there is no room. */
    void full() {
        refuse(new RefusedException(503, "too many connections are open: close some, or try again in a second"), true);
    }

    /** Sees what is answered, on the other side of the codec. */
    private final class Answers extends ChannelOutboundHandlerAdapter {
        private boolean informational;

        @Override
        public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
            if (state == State.CLOSED) {
                ReferenceCountUtil.release(message);
                promise.tryFailure(new java.nio.channels.ClosedChannelException());
                return;
            }
            if (message instanceof HttpResponse response) {
                var status = response.status().code();
                informational = status < 200;
                answerBegun = !informational;
                if (status == 101) {
                    state = State.RAW;
                }
            }
            if (message instanceof LastHttpContent && !informational) {
                unanswered.decrementAndGet();
                answerBegun = false;
                since = System.nanoTime();
            }
            var _ = context.write(message, promise);
        }
    }
}
