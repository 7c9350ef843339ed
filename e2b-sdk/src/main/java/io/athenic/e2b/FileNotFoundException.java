package io.athenic.e2b;

/** The path does not exist in the sandbox. */
public final class FileNotFoundException extends NotFoundException {
    private static final long serialVersionUID = 1;

    public FileNotFoundException(String message) {
        super(message);
    }
}
