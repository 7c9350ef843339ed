package io.athenic.engine;

/** Texts of guests. */
final class Texts {
    private Texts() {}

    /** At most {@code max} characters of the text. */
    static String shorten(String text, int max) {
        if (text.length() <= max) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(max - 1)) ? max - 1 : max;
        return text.substring(0, end) + "…";
    }
}
