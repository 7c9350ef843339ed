package io.athenic.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Samples of one quantity.
 *
 * @param name what was measured, in words
 * @param unit of all values
 * @param values the samples in the order in which they were taken
 * @param targets what is promised; empty for figures that only inform
 */
record Measure(String name, String unit, List<Double> values, List<Target> targets) {
    /** Which figure of the samples a promise is about. */
    enum Figure {
        MEDIAN,
        P95
    }

    /** One promise: the figure is at most, or at least, the bound. */
    record Target(Figure figure, boolean atMost, double bound) {
        String text() {
            return (figure == Figure.P95 ? "p95 " : "") + (atMost ? "<= " : ">= ") + Report.number(bound);
        }
    }

    Measure {
        values = List.copyOf(values);
        targets = List.copyOf(targets);
        if (values.isEmpty()) {
            throw new IllegalArgumentException("no samples of " + name);
        }
    }

    static Measure of(String name, String unit, double... values) {
        return new Measure(name, unit, Arrays.stream(values).boxed().toList(), List.of());
    }

    static Measure of(String name, String unit, List<Double> values) {
        return new Measure(name, unit, values, List.of());
    }

    Measure atMost(double median) {
        return with(new Target(Figure.MEDIAN, true, median));
    }

    Measure p95AtMost(double p95) {
        return with(new Target(Figure.P95, true, p95));
    }

    Measure atLeast(double median) {
        return with(new Target(Figure.MEDIAN, false, median));
    }

    private Measure with(Target target) {
        var all = new ArrayList<>(targets);
        all.add(target);
        return new Measure(name, unit, values, all);
    }

    double min() {
        return quantile(0);
    }

    double median() {
        return quantile(0.5);
    }

    /** What 95 of 100 samples reach or beat: times are at most this, rates at least. */
    double p95() {
        return quantile(unit.endsWith("/s") ? 0.05 : 0.95);
    }

    boolean reached() {
        return targets.stream().allMatch(this::holds);
    }

    private boolean holds(Target target) {
        double value = target.figure() == Figure.MEDIAN ? median() : p95();
        return target.atMost() ? value <= target.bound() : value >= target.bound();
    }

    /** Nearest rank; the mean of the two middle ones for the median of an even number. */
    private double quantile(double part) {
        List<Double> sorted = values.stream().sorted().toList();
        int count = sorted.size();
        if (part == 0.5 && count % 2 == 0) {
            return (sorted.get(count / 2 - 1) + sorted.get(count / 2)) / 2;
        }
        int rank = (int) Math.ceil(part * count);
        return sorted.get(Math.clamp(rank - 1, 0, count - 1));
    }
}
