package io.athenic.e2b;

/** A command ended with another exit code than 0. */
public final class CommandExitException extends SandboxException {
    private static final long serialVersionUID = 1;

    private final transient CommandResult result;

    CommandExitException(CommandResult result) {
        super("the command ended with " + result.status());
        this.result = result;
    }

    public CommandResult result() {
        return result;
    }
}
