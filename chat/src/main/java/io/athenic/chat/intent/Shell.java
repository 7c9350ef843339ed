package io.athenic.chat.intent;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Tells a shell command from a sentence. */
final class Shell {

    /** Words that begin no English sentence: with anything behind them they are commands. */
    private static final Set<String> COMMANDS = Words.of("""
            ls ll grep egrep rg awk gawk sed curl wget pip pip3 pipx uv npm npx pnpm bunx kubectl chmod chown chgrp mkdir
            rmdir cd pwd ps df du tar gzip gunzip unzip zcat bzip2 xz ssh scp rsync apt apt-get apt-cache dpkg yum dnf
            pacman apk systemctl journalctl uname whoami ifconfig ip netstat ss psql mysql sqlite3 mongosh pytest tox mypy
            flake8 pylint ruff isort cargo rustc rustup gcc g++ clang cmake javac mvn ./mvnw gradle ./gradlew tsc tsx
            ts-node eslint ffmpeg ffprobe jq yq xargs nohup lsof dig nslookup traceroute htop vmstat iostat uptime
            printenv echo printf wc sha256sum sha1sum md5sum sha512sum openssl seq xxd hexdump od readlink realpath
            dirname basename mktemp python3 ipython pypy3 nodejs rscript ghc gh aws gcloud az docker-compose tmux crontab
            sudo mv cp rm ln useradd usermod passwd lscpu lsblk lsb_release nproc dmesg mkfs fdisk dd pkill pgrep killall
            unset pipenv virtualenv nc ncat nmap tcpdump iptables ufw tr tac nl shuf uniq bc cal pandoc pdftotext exiftool
            strace ltrace gdb valgrind objdump nm ldd pushd popd getent hostnamectl timedatectl lspci lsusb mkfifo rustfmt
            gofmt git-lfs zsh sh
            """);

    /** Commands that are English words too: they need an argument that looks like one. */
    private static final Set<String> WORDS = Words.of("""
            cat find make sort test head tail time kill touch cut who date which man more less top watch node python ruby
            perl php java r join split file screen at tree paste free last look expand fold yes wait sleep type set read
            jobs install patch strip ping compare mount umount rename open code export source history alias go docker git
            diff zip host script timeout lua julia swift kotlin scala flask django-admin uvicorn gunicorn streamlit
            service exec trap for while if until case let declare watchexec nice shred truncate cmp dir del cls ant bun
            just parallel locate whereis w reboot shutdown [ [[ eval nginx base64 convert identify column comm black
            coverage stat id groups hostname snap gem composer rails bundle vagrant ansible terraform conda mamba poetry
            jupyter tee brew yarn helm prettier webpack hyperfine nano vim su jest vite vitest env podman heroku chroot
            deno artisan bash dotnet redis-cli
            """);

    /** Second words that make a command of the first. */
    private static final Map<String, Set<String>> SUBCOMMANDS = Map.ofEntries(
            Map.entry(
                    "git",
                    Words.of(
                            "status log diff add commit push pull clone checkout switch branch merge rebase reset stash fetch init remote tag show blame bisect cherry-pick config rm mv restore reflog shortlog describe grep clean revert rev-parse ls-files submodule worktree apply am archive gc fsck rev-list ls-remote")),
            Map.entry(
                    "docker",
                    Words.of(
                            "ps run build images exec logs compose pull push stop start rm rmi inspect network volume system stats info version restart kill image container tag login cp top")),
            Map.entry("yarn", Words.of("install add remove test build start dev run lint upgrade why")),
            Map.entry("brew", Words.of("install uninstall update upgrade list search info services doctor")),
            Map.entry("conda", Words.of("install create activate deactivate list env info update remove")),
            Map.entry("poetry", Words.of("install add remove run update shell build publish show lock init")),
            Map.entry("terraform", Words.of("init plan apply destroy fmt validate output state")),
            Map.entry("helm", Words.of("install upgrade list repo uninstall template")),
            Map.entry("jupyter", Words.of("notebook lab nbconvert kernelspec")),
            Map.entry("gem", Words.of("install list update uninstall")),
            Map.entry("bundle", Words.of("install exec update")),
            Map.entry("rails", Words.of("new server console generate db:migrate routes test s c g")),
            Map.entry("composer", Words.of("install require update dump-autoload")),
            Map.entry("dotnet", Words.of("run build test new restore publish add")),
            Map.entry("deno", Words.of("run test fmt lint")),
            Map.entry("vite", Words.of("build preview dev")),
            Map.entry("coverage", Words.of("run report html")),
            Map.entry("npm", Words.of("install test run start ci")),
            Map.entry(
                    "go",
                    Words.of("run build test mod get vet fmt install version env doc generate list clean tool work")),
            Map.entry("make", Words.of("all clean install test check build lint run dist docs")),
            Map.entry("flask", Words.of("run shell routes db")),
            Map.entry("swift", Words.of("build run test package")),
            Map.entry("bun", Words.of("run install test add dev")),
            Map.entry("service", Words.of("--status-all")),
            Map.entry("ant", Words.of("clean build test compile")));

    /** Commands that mean something alone. */
    private static final Set<String> ALONE = Words.of("""
            ls ll pwd ps df du whoami uptime ifconfig htop env printenv pytest uname lscpu lsblk nproc hostname netstat
            lsof id tox groups vmstat iostat dmesg cal
            """);

    /** Words that stand in sentences and hardly ever among a command's arguments. */
    private static final Set<String> ENGLISH = Words.of("""
            a an the is are was were be been my me you your we our they their it its this that these those of to please
            what how why when who which can could would should will i i'm do does did have has had not but so because
            about with any some all there here as by than then into us he she him her his if or and for on in at from out
            up just like
            """);

    private static final Pattern ARGUMENT = Words.pattern(
            "-{1,2}[A-Za-z0-9].*|[.~]?/.*|\\.{1,2}|~|\\*.*|.*\\*\\.\\w+|\\$.*|['\"].*|[\\w./-]+\\.\\w{1,5}|\\+%.*|\\w+=.*|\\d+|[\\w-]+/[\\w./-]*|.*[|<>;&].*|\\w+:\\w+.*");

    private static final Pattern ASSIGNMENTS = Words.pattern("^(?:[A-Za-z_]\\w*=\\S*\\s+)+(?=\\S)");

    private static final Pattern SHELL_SYNTAX = Words.pattern(
            "(?:\\s\\|{1,2}\\s|\\s&&\\s|\\s>>?\\s?\\S|\\s2>|\\$\\(|^for \\w+ in .+; ?do|^while .+; ?do|^if \\[|^if ! |^\\[\\[? )");

    private static final Pattern LONE_ASSIGNMENT = Words.pattern("^(?:export )?[A-Z_][A-Z0-9_]*=\\S*$");

    private static final Pattern PATH =
            Words.pattern("^(?:\\./|\\.\\./|~/|/(?:usr|bin|opt|home|etc|tmp)/)[\\w./-]+(?: .*)?$");

    private static final Set<String> MAKE_TARGETS = Words.of("all clean install test check build lint run dist docs");

    private static final Pattern MAKE = Words.pattern(
            "make(?: (?:-\\S+|\\w+=\\S+|[\\w./-]*[-/.][\\w./-]*|\\w+))* (?:-\\S+|\\w+=\\S+)(?: [\\w./-]+){0,3}");

    private Shell() {}

    /** True when the line is a shell command rather than a sentence. */
    static boolean isCommand(String line) {
        String text = line.strip();
        if (text.isEmpty() || text.length() > 4_000) {
            return false;
        }
        if (PATH.matcher(text).matches()) {
            return englishWords(text) < 2;
        }
        if (LONE_ASSIGNMENT.matcher(text).matches()) {
            return true;
        }
        text = ASSIGNMENTS.matcher(text).replaceFirst("");
        List<String> words = words(text);
        String first = words.get(0);
        String name = first.toLowerCase(Locale.ROOT);
        if (name.equals("sudo") || name.equals("time") || name.equals("nohup") || name.equals("exec")) {
            String rest = text.substring(first.length()).strip();
            if (!rest.isEmpty() && !rest.startsWith("-") && isCommand(rest)) {
                return true;
            }
        }
        if (endsLikeAQuestion(text) || first.endsWith(",") || first.endsWith(":")) {
            return false;
        }
        // "Find" and "Make" begin sentences; commands are written small.
        boolean small = first.equals(name) || first.equals("R") || first.equals("Rscript") || first.contains("-");
        if (!small) {
            return false;
        }
        boolean known = COMMANDS.contains(name);
        boolean word = WORDS.contains(name) || name.matches("python3?\\.\\d+");
        if (!known && !word) {
            return false;
        }
        if (words.size() == 1) {
            return ALONE.contains(name);
        }
        int english = englishWords(text);
        if (name.equals("echo") || name.equals("printf")) {
            return english < 2 || text.matches(".*[\"'$>|].*");
        }
        if (known) {
            return english < 2 || (english < 4 && SHELL_SYNTAX.matcher(text).find());
        }
        if (SHELL_SYNTAX.matcher(text).find()) {
            return english < 3 || text.startsWith("for ") || text.startsWith("while ") || text.startsWith("if ");
        }
        if (name.equals("for")
                || name.equals("while")
                || name.equals("if")
                || name.equals("let")
                || name.equals("case")) {
            return false;
        }
        String second = words.get(1);
        if (name.equals("make")) {
            return MAKE.matcher(text).matches() || (MAKE_TARGETS.contains(second) && words.size() < 4 && english == 0);
        }
        if (SUBCOMMANDS.getOrDefault(name, Set.of()).contains(second)) {
            return english < 2;
        }
        boolean argument = words.stream()
                .skip(1)
                .limit(8)
                .anyMatch(word2 -> ARGUMENT.matcher(word2).matches());
        return argument && english == 0;
    }

    /** True when the first line of code is a command. */
    static boolean startsWithCommand(String code) {
        for (String line : code.lines().limit(30).toList()) {
            String text = line.strip();
            if (!text.isEmpty() && !(text.startsWith("#") && !text.startsWith("#!"))) {
                return isCommand(text.endsWith("\\") ? text.substring(0, text.length() - 1) : text);
            }
        }
        return false;
    }

    /** True when the word alone is a command worth running. */
    static boolean standsAlone(String word) {
        return ALONE.contains(word);
    }

    /** True when the word can begin a command. */
    static boolean isName(String word) {
        return COMMANDS.contains(word) || WORDS.contains(word);
    }

    private static boolean endsLikeAQuestion(String text) {
        return text.endsWith("?") && !text.endsWith(" ?") && !text.contains("*") && !text.contains("$?");
    }

    /** Words outside quotes that speak for a sentence. */
    static int englishWords(String text) {
        int count = 0;
        for (String word : words(unquoted(text))) {
            String plain = word.toLowerCase(Locale.ROOT);
            while (!plain.isEmpty() && ",.!?;:".indexOf(plain.charAt(plain.length() - 1)) >= 0) {
                plain = plain.substring(0, plain.length() - 1);
            }
            if (ENGLISH.contains(plain)) {
                count++;
            }
        }
        return count;
    }

    private static List<String> words(String text) {
        return List.of(text.strip().split("\\s+"));
    }

    private static String unquoted(String text) {
        StringBuilder rest = new StringBuilder();
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                }
            } else if ((c == '"' || c == '\'' || c == '`')
                    && text.indexOf(c, i + 1) > 0
                    && (i == 0 || !Character.isLetterOrDigit(text.charAt(i - 1)))) {
                quote = c;
            } else {
                rest.append(c);
            }
        }
        return rest.toString();
    }
}
