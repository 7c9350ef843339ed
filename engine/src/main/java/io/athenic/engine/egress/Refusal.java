package io.athenic.engine.egress;

/** Why a request is not carried out, as it is told to the program in the sandbox. */
final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;
    private final NetworkEvent.Verdict verdict;

    private Refusal(int status, NetworkEvent.Verdict verdict, String message) {
        super(message, null, false, false); // an answer, not a fault: nobody reads its stack
        this.status = status;
        this.verdict = verdict;
    }

    /** The policy forbids it. */
    static Refusal denied(String message) {
        return new Refusal(403, NetworkEvent.Verdict.DENIED, message);
    }

    /** It is no request that a proxy understands. */
    static Refusal malformed(String message) {
        return new Refusal(400, NetworkEvent.Verdict.DENIED, message);
    }

    /** It was allowed and did not work. */
    static Refusal failed(int status, String message) {
        return new Refusal(status, NetworkEvent.Verdict.FAILED, message);
    }

    int status() {
        return status;
    }

    NetworkEvent.Verdict verdict() {
        return verdict;
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
