package io.athenic.execution;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HeadTailTest {
    @Test
    void keepsAllThatFits() {
        var text = new HeadTail(10);
        text.add("abc");
        text.add("defghij");

        assertThat(text.isWhole()).isTrue();
        assertThat(String.join("", text.chunks("there"))).isEqualTo("abcdefghij");
    }

    @Test
    void leavesOutTheMiddleAndSaysSo() {
        var text = new HeadTail(10);
        for (int i = 0; i < 100; i++) {
            text.add(i + ",");
        }

        String kept = String.join("", text.chunks("there"));

        assertThat(text.isWhole()).isFalse();
        assertThat(kept).startsWith("0,1,2").endsWith("8,99,").contains("left out here: there");
        assertThat(kept).hasSizeLessThan(70);
    }

    @Test
    void cutsNoCharacterInTwo() {
        var text = new HeadTail(9);
        text.add("😀".repeat(20));

        assertThat(String.join("", text.chunks("x")).codePoints()).allMatch(c -> c < 0xd800 || c > 0xdfff);
    }
}
