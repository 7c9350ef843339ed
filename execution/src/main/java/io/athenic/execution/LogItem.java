package io.athenic.execution;

/**
 * One event of a log as it is kept.
 *
 * @param sequence its place, from 1 and dense; of a gap (truncated): the last place that is missing, so that it can be resumed after
 * @param json the message of the WebSocket, UTF-8; not to be changed
 */
@SuppressWarnings(
        "ArrayRecordComponent") // shared between readers and never compared; a copy for each reader would cost the most
public record LogItem(long sequence, byte[] json) {
    public ExecutionEvent event() {
        return EventCodec.decode(json);
    }
}
