package io.athenic.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class KernelMessagesTest {
    private final GuestMemory memory = new GuestMemory(256 << 20, Duration.ofSeconds(1));
    private final KernelMessages messages = new KernelMessages(memory.new Share());

    @Test
    void aCharacterSplitBetweenFramesComesOutWhole() throws Exception {
        byte[] euro = "a€".getBytes(StandardCharsets.UTF_8);

        List<KernelEvent> events = new ArrayList<>();
        for (byte each : euro) {
            events.addAll(messages.take(new Frame(Frame.STDOUT, new byte[] {each})));
        }

        assertThat(events).containsExactly(new KernelEvent.Stdout("a"), new KernelEvent.Stdout("€"));
    }

    @Test
    void stdoutAndStderrAreDecodedApart() throws Exception {
        byte[] euro = "€".getBytes(StandardCharsets.UTF_8);

        messages.take(new Frame(Frame.STDOUT, new byte[] {euro[0]}));
        List<KernelEvent> error = messages.take(new Frame(Frame.STDERR, "x".getBytes(StandardCharsets.UTF_8)));
        List<KernelEvent> output = messages.take(new Frame(Frame.STDOUT, new byte[] {euro[1], euro[2]}));

        assertThat(error).containsExactly(new KernelEvent.Stderr("x"));
        assertThat(output).containsExactly(new KernelEvent.Stdout("€"));
    }

    @Test
    void anUnfinishedCharacterIsShownAtTheEnd() throws Exception {
        messages.take(new Frame(Frame.STDOUT, new byte[] {(byte) 0xe2}));

        assertThat(json("{'type':'end_of_execution'}"))
                .containsExactly(new KernelEvent.Stdout("\uFFFD"), new KernelEvent.Finished());
    }

    @Test
    void partsAreJoined() throws Exception {
        assertThat(json("{'type':'part','text':'{\\\"type\\\":\\\"result\\\",\\\"is_main_'}"))
                .isEmpty();
        List<KernelEvent> events = json("{'type':'part','text':'result\\\":true,\\\"text\\\":\\\"2\\\"}','last':true}");

        assertThat(events).hasSize(1);
        KernelEvent.Result result = (KernelEvent.Result) events.getFirst();
        assertThat(result.main()).isTrue();
        assertThat(result.formats().toString()).isEqualTo("{\"text\":\"2\"}");
    }

    @Test
    void aResultThatCannotBeReadFailsTheExecutionButNotItsStream() throws Exception {
        json("{'type':'part','text':'" + "[".repeat(2000) + "'}");
        List<KernelEvent> events = json("{'type':'part','text':'','last':true}");

        assertThat(events).hasSize(1);
        assertThat(events.getFirst()).isInstanceOf(KernelEvent.Failed.class);
        assertThat(json("{'type':'end_of_execution'}")).containsExactly(new KernelEvent.Finished());
    }

    @Test
    void onlyTheFirstErrorOfAnExecutionCounts() throws Exception {
        assertThat(json("{'type':'error','name':'A','value':'','traceback':''}"))
                .hasSize(1);
        assertThat(json("{'type':'error','name':'B','value':'','traceback':''}"))
                .isEmpty();
    }

    @Test
    void deepJsonIsRefused() {
        assertThatThrownBy(() -> json("{'a':" + "[".repeat(100) + "]".repeat(100) + "}"))
                .isInstanceOf(IOException.class);
    }

    @Test
    void framesThatNoKernelSendsAreRefused() {
        assertThatThrownBy(() -> messages.take(new Frame(Frame.DATA, new byte[1])))
                .isInstanceOf(ProtocolException.class);
    }

    @Test
    void hostileMessagesEndInAnErrorOfOurs() {
        String alphabet = "{}[]\",:\\u0123456789truefalsnE+-. type result part text last";
        for (long seed = 0; seed < 50_000; seed++) {
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder("{\"type\":\"");
            text.append(List.of("result", "error", "part", "number_of_executions", "x")
                            .get(random.nextInt(5)))
                    .append('"');
            for (int i = random.nextInt(60); i > 0; i--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            text.append('}');
            GuestMemory.Share share = memory.new Share();
            try {
                new KernelMessages(share)
                        .take(new Frame(Frame.JSON, text.toString().getBytes(StandardCharsets.UTF_8)));
            } catch (IOException | EngineException | InterruptedException expected) {
                assertThat(expected).isNotNull();
            } finally {
                share.close();
            }
        }
    }

    private List<KernelEvent> json(String text) throws Exception {
        return messages.take(new Frame(Frame.JSON, text.replace('\'', '"').getBytes(StandardCharsets.UTF_8)));
    }
}
