package io.athenic.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Facts of the machine and of processes, from /proc. */
final class Machine {
    private Machine() {}

    static Map<String, String> describe() {
        var facts = new LinkedHashMap<String, String>();
        facts.put("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
        facts.put("cpu", field("/proc/cpuinfo", "model name"));
        facts.put("memory", (kilobytes("/proc/meminfo", "MemTotal") >> 10) + " MiB");
        facts.put("kernel", System.getProperty("os.version"));
        facts.put("java", System.getProperty("java.vm.version"));
        facts.put("load before", first("/proc/loadavg"));
        return facts;
    }

    /** Processes that wanted a core in the last minute, on average. */
    static double load() {
        return Double.parseDouble(first("/proc/loadavg").split(" ", 2)[0]);
    }

    static long availableBytes() {
        return kilobytes("/proc/meminfo", "MemAvailable") << 10;
    }

    static long residentBytes(long pid) {
        return kilobytes("/proc/" + pid + "/status", "VmRSS") << 10;
    }

    /** Memory that would be free if the process ended: what it shares with the zygote does not count. 0 when it has ended. */
    static long privateDirtyBytes(long pid) {
        return kilobytes("/proc/" + pid + "/smaps_rollup", "Private_Dirty") << 10;
    }

    private static long kilobytes(String file, String name) {
        String digits = field(file, name).replaceAll("\\D", "");
        return digits.isEmpty() ? 0 : Long.parseLong(digits);
    }

    private static String field(String file, String name) {
        return read(file)
                .lines()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("");
    }

    private static String first(String file) {
        return read(file).lines().findFirst().orElse("");
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            if (file.startsWith("/proc/") && Character.isDigit(file.charAt(6))) {
                return ""; // the process has ended
            }
            throw new UncheckedIOException(e);
        }
    }
}
