package io.athenic.execution;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Keeps the first and the last of a text that comes in chunks, each half of a bound, and counts what is between. */
final class HeadTail {
    private final int half;
    private final List<String> head = new ArrayList<>();
    private final Deque<String> tail = new ArrayDeque<>();
    private int headLength;
    private long tailLength;
    private long leftOut;

    HeadTail(int maxChars) {
        this.half = Math.max(1, maxChars / 2);
    }

    void add(String chunk) {
        String rest = chunk;
        if (headLength < half && leftOut == 0 && tail.isEmpty()) {
            int fits = Math.min(rest.length(), half - headLength);
            if (fits < rest.length() && Character.isHighSurrogate(rest.charAt(fits - 1))) {
                fits--;
            }
            if (fits > 0) {
                head.add(rest.substring(0, fits));
                headLength += fits;
                rest = rest.substring(fits);
            }
        }
        if (!rest.isEmpty()) {
            tail.addLast(rest);
            tailLength += rest.length();
            trim();
        }
    }

    /** Text that was lost before it came here. */
    void addGap() {
        leftOut = Math.max(leftOut, 1);
    }

    boolean isWhole() {
        return leftOut == 0;
    }

    /** The chunks, with one that says what is missing where something is. */
    List<String> chunks(String whereTheRestIs) {
        List<String> all = new ArrayList<>(head);
        if (leftOut > 0) {
            all.add("\n[… output is left out here: " + whereTheRestIs + " …]\n");
        }
        all.addAll(tail);
        return List.copyOf(all);
    }

    private void trim() {
        while (tailLength > half) {
            String oldest = tail.removeFirst();
            long surplus = tailLength - half;
            tailLength -= oldest.length();
            if (surplus < oldest.length()) {
                int cut = (int) surplus;
                if (Character.isLowSurrogate(oldest.charAt(cut))) {
                    cut++;
                }
                String kept = oldest.substring(cut);
                tail.addFirst(kept);
                tailLength += kept.length();
                leftOut += cut;
                return;
            }
            leftOut += oldest.length();
        }
    }
}
