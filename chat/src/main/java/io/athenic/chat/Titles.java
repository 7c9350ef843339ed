package io.athenic.chat;

import io.athenic.chat.thread.ChatThread;

/** Names a thread after its first message. */
final class Titles {

    private static final int LENGTH = 60;

    private Titles() {}

    static String of(String text) {
        return text.lines()
                .filter(line -> !line.strip().startsWith("```")) // a fence and its language say nothing
                .map(line -> line.strip().replaceAll("^[`#>$\\s]+", "").strip())
                .filter(line -> !line.isEmpty())
                .findFirst()
                .map(Titles::cut)
                .orElse(ChatThread.UNTITLED);
    }

    private static String cut(String line) {
        String flat = line.replaceAll("\\p{Cntrl}", " ");
        if (flat.length() <= LENGTH) {
            return flat;
        }
        int end = flat.offsetByCodePoints(0, Math.min(LENGTH, flat.codePointCount(0, flat.length())));
        int space = flat.lastIndexOf(' ', end);
        return flat.substring(0, space > LENGTH / 2 ? space : end).strip() + "…";
    }
}
