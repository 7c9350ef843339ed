package io.athenic.chat.intent;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Tells what has to be computed exactly from what anybody has in the head. */
final class Maths {

    private Maths() {}

    private static final Pattern NUMBER =
            Words.pattern("(?<![\\w.])[$\u20ac\u00a3]?\\d[\\d,]*(?:\\.\\d+)?(?:k|m|%|st|nd|rd|th)?\\b");

    /** Things whose value is computed, which need an operand. */
    private static final Pattern CONCEPT = Words.phrases("""
            (?:prime factors?|prime factori[sz]ation|factori[sz]ation|factori[sz]e|factor(?= \\d)|primes?|prime numbers?|perfect numbers?|divisors?|divisible|gcd|lcm|greatest common (?:divisor|factor)|least common multiple|modulo|modular inverse|mod|factorials?|fibonacci|catalan|collatz|pascal's triangle|binomial|permutations?|combinations?|n choose k|digits? of (?:pi|e)|(?:to|with) \\d+ (?:digits|decimals|places|decimal places|significant)|decimal places|square roots? of \\d{3,}|cube roots?|nth root|totient|pythagorean triples?|armstrong numbers?|happy numbers?|magic square|n.queens|sudoku|knapsack|travel+ing salesman|shortest path|traveling)
            (?:determinant|eigenvalues?|eigenvectors?|matrix (?:product|multiplication|inverse)|matrices|inverse of|rank of|dot product|cross product|svd|system of (?:linear )?equations|simultaneous equations|linear system|quadratic|cubic|polynomial|roots of|solve for|integral|integrate|derivative|differentiate|limit of|taylor (?:series|expansion)|laplace|fourier|gradient|differential equation|ode|minimi[sz]e|maximi[sz]e|optimi[sz]e|linear program\\w*|optimal|convolve|convolution)
            (?:standard deviation|std dev|stdev|variance|median|mode|quartiles?|percentiles?|(?:the|and|arithmetic|compute|calculate|find|get|sample|,) mean|mean(?: of| value|,| and\\b)|average|weighted average|geometric mean|harmonic mean|correlation|covariance|regression|z-?scores?|p-?values?|confidence interval|t-test|chi.square|anova|skewness|kurtosis|interquartile|sample size|statistical significance|statistically significant|bayes|probability|odds|expected value|distribution|histogram)
            (?:compound(?:ed|ing)?(?: interest)?|amorti[sz]ation|amorti[sz]e|mortgage|loan|monthly payments?|repayment|annuity|npv|net present value|irr|internal rate of return|future value|present value|roi|cagr|payback|depreciation|interest rate|apr|savings plan|retire|retirement|break.?even|tax|invest(?:ed|ing)?|installments?|emi)
            (?:days?|weeks?|hours|minutes|seconds|months|weekdays|business days|working days|weekends|leap years|mondays|fridays) (?:are |is |were |there |left |have |passed |elapsed )*(?:between|until|till|from|since|before|after|in|passed|are there|to)|day of the week|what weekday|which weekday|how old|date (?:\\d+ )|unix timestamp|epoch|time ?zones?|iso week
            (?:sum of|product of|sum all|sum up|total of|add up|multiply|divide|cumulative|running total|difference between|ratio of|count of|count the|number of ways|how many ways|how many (?:trailing )?zeros|how many digits|number of digits|last \\d+ digits|last digit|first \\d+ digits|remainder|to the power|raised to|\\*\\*|in base|base \\d+|in binary|in hex|hexadecimal|roman numerals?|scientific notation)
            """);

    private static final Pattern COMPUTE = Words.phrases("""
            (?:calculate|compute|evaluate|work out|figure out|determine|solve|simulate|estimate|find|integrate|differentiate|factori[sz]e|factor|minimi[sz]e|maximi[sz]e|optimi[sz]e|simplify|expand|invert|multiply|what(?:'s| is| are| will| would)|how (?:much|many|long|old|far)|give me|list|generate|show|tell me|sum|add|total|convert|which|get|count|average|if i|is \\d|plot|derive|need|check|print|when|at what|approximate|verify|prove by brute|brute.force|enumerate)
            """);

    private static final Pattern STRONG_VERB = Words.phrases("""
            (?:calculate|compute|work out|integrate|differentiate|factori[sz]e|solve|minimi[sz]e|maximi[sz]e|simulate|evaluate|brute.?force|enumerate|estimate (?:pi|\u03c0))
            """);

    private static final Pattern EXPRESSION = Words.pattern(
            "\\(*-?\\$?\\d[\\d,.]*%?\\)*(?:\\s*(?:\\*\\*|[-+*/x\u00d7\u00f7^%]|mod|times|plus|minus|divided by|multiplied by|to the power of)\\s*\\(*-?\\$?\\d[\\d,.]*%?!?\\)*)+");
    private static final Pattern OPERATOR =
            Words.pattern("\\*\\*|[-+*/x\u00d7\u00f7^]|mod|times|plus|minus|divided by|multiplied by|to the power of");
    private static final Pattern POWER = Words.pattern("(\\d+)\\s*(?:\\*\\*|\\^|to the power of)\\s*(\\d+)");
    private static final Pattern FUNCTION =
            Words.pattern("\\b(?:sqrt|log\\d*|ln|exp|sin|cos|tan|factorial)\\s*\\(?\\s*\\d[\\d.]{2,}|\\d{2,}!");
    private static final Pattern VARIABLE_EXPRESSION = Words.pattern(
            "\\b\\d*[xyzn]\\s*(?:\\^|\\*\\*|[-+*/=]|\u00b2|\u00b3)|(?:sin|cos|tan|ln|log|exp|sqrt)\\(?\\s*[xyzt]|e\\^");
    private static final Pattern CONVERSION = Words.pattern(
            "\\bconvert\\b|\\bin (?:miles|km|kilometers|kilometres|pounds|kg|kilograms|celsius|fahrenheit|feet|inches|meters|metres|cm|ounces|grams|liters|litres|gallons|cups|hours|minutes|seconds|days)\\b|how many (?:ounces|inches|feet|cm|grams|cups|minutes|hours|seconds|pounds|kilometers|meters|mm|tablespoons|teaspoons|liters|milliliters|yards|days) (?:are )?(?:in|is)\\b");
    private static final Pattern PERCENT_OF =
            Words.pattern("\\d+(?:\\.\\d+)?\\s*(?:%|percent) (?:of|off|tip on|tip for) [$\u20ac\u00a3]?\\d[\\d,.]*");
    private static final Pattern DATE = Words.pattern(
            "\\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|christmas|easter|new year)\\b|\\d{4}-\\d\\d-\\d\\d|\\d{1,2}[/.]\\d{1,2}[/.]\\d{2,4}|\\b(?:19|20)\\d\\d\\b");
    private static final Pattern DATE_QUESTION = Words.phrases("""
            (?:how many|number of|count the|count|calculate|compute|find)(?: ... )?(?:days|weeks|hours|minutes|seconds|months|weekdays|business days|working days|weekends|mondays|tuesdays|wednesdays|thursdays|fridays|saturdays|sundays)
            (?:what|which) (?:day|weekday|date)(?: of the week)?(?: ... )?(?:was|is|will|falls?|did|does)
            (?:days|weeks|months) (?:between|until|since|from|left|after|before|to)
            how old
            """);
    private static final Pattern CLOCK = Words.pattern("\\b\\d{1,2}:\\d\\d\\b");
    private static final Pattern BRUTE =
            Words.pattern("\\bbrute.?force\\b|\\bfind (?:all )?[a-z] (?:such that|so that|for which|where)\\b");
    private static final Pattern PRIME = Words.pattern("\\bis (\\d[\\d,]*) (?:an? )?prime");
    private static final Pattern GROWTH = Words.pattern(
            "\\b(?:grow|grows|growing|grew|increase|increases|decay|decays|shrinks?|doubles?|inflation|depreciates?|appreciates?|declines?)\\b|\\d%? (?:a|per|each|every) (?:year|month|day|week|annum)");
    private static final Pattern DEFINITION = Words.phrases("""
            (?:what is|what's|what are|define|explain|meaning of|definition of|describe) (?:an? |the (?:concept|idea|definition|meaning) of |meant by )
            """);

    /** True when the normalised prose asks for a value that has to be computed by a machine. */
    static boolean needsComputing(String prose) {
        int numbers = count(NUMBER, prose);
        if (isTrivial(prose, numbers)) {
            return false;
        }
        if (count(CLOCK, prose) >= 2 && COMPUTE.matcher(prose).find()) {
            return true;
        }
        if (BRUTE.matcher(prose).find() && numbers > 0) {
            return true;
        }
        Matcher prime = PRIME.matcher(prose);
        if (prime.find()) {
            return prime.group(1).replace(",", "").length() >= 4;
        }
        if (GROWTH.matcher(prose).find() && numbers >= 3) {
            return true;
        }
        if (bigExpression(prose) || FUNCTION.matcher(prose).find()) {
            return true;
        }
        if (DATE_QUESTION.matcher(prose).find() && DATE.matcher(prose).find()) {
            return true;
        }
        boolean concept = CONCEPT.matcher(prose).find();
        boolean operand = numbers > 0
                || VARIABLE_EXPRESSION.matcher(prose).find()
                || prose.matches("(?s).*\\b(?:these|this|the following|below|hundred|thousand|million)\\b.*");
        if (concept
                && operand
                && COMPUTE.matcher(prose).find()
                && !(DEFINITION.matcher(prose).find() && numbers < 2)) {
            return true;
        }
        if (concept && numbers >= 3 && !DEFINITION.matcher(prose).find()) {
            return true;
        }
        return STRONG_VERB.matcher(prose).find()
                && (numbers >= 3 || VARIABLE_EXPRESSION.matcher(prose).find());
    }

    /** One or two operations on small or round numbers, a common conversion, a simple percentage. */
    private static boolean isTrivial(String prose, int numbers) {
        if (prose.length() > 160) {
            return false;
        }
        if (PERCENT_OF.matcher(prose).find() && numbers <= 2) {
            return true;
        }
        if (CONVERSION.matcher(prose).find() && numbers <= 1) {
            return true;
        }
        Matcher expression = EXPRESSION.matcher(prose);
        if (expression.find() && !VARIABLE_EXPRESSION.matcher(prose).find()) {
            return !isBig(expression.group())
                    && !CONCEPT.matcher(prose.replace(expression.group(), " ")).find();
        }
        return numbers <= 2
                && prose.matches(
                        "(?s).*\\b(?:square root of (?:\\d|\\d\\d|100|121|144|169|196|225|400|900|10000)|half of|double|twice|a third of|average of \\d{1,2} and \\d{1,2}|sum of \\d{1,3} and \\d{1,3})\\b.{0,20}");
    }

    private static boolean bigExpression(String prose) {
        Matcher expression = EXPRESSION.matcher(prose);
        while (expression.find()) {
            if (isBig(expression.group()) && !looksLikeRange(expression.group())) {
                return true;
            }
        }
        return false;
    }

    private static boolean looksLikeRange(String text) {
        return text.matches("\\s*\\d{1,4}-\\d{1,4}(?:-\\d{1,4})*\\s*|[\\d/.]+");
    }

    private static boolean isBig(String expression) {
        Matcher power = POWER.matcher(expression);
        if (power.find()) {
            double digits =
                    Double.parseDouble(power.group(2)) * Math.log10(Math.max(2, Double.parseDouble(power.group(1))));
            if (digits > 4) {
                return true;
            }
        }
        int operators = count(OPERATOR, expression);
        int significant = 0;
        int longest = 0;
        Matcher number = Words.pattern("\\d[\\d,.]*").matcher(expression);
        while (number.find()) {
            String digits = number.group().replaceAll("[,.]", "").replaceAll("0+$", "");
            significant += digits.length();
            longest = Math.max(longest, digits.length());
        }
        boolean multiplies = expression.matches("(?s).*(?:[*/x\u00d7\u00f7]|times|divided|multiplied|mod).*");
        return (operators >= 3 && significant >= 5)
                || (multiplies && significant >= 6)
                || significant >= 10
                || (expression.contains("mod") && significant >= 4);
    }

    private static int count(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        int count = 0;
        while (count < 50 && matcher.find()) {
            count++;
        }
        return count;
    }
}
