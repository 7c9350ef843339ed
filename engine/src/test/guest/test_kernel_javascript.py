"""The JavaScript kernel in a real room, over its socket."""

from __future__ import annotations

import unittest
from typing import ClassVar

from athenic_guest import frames
from guest_case import GuestCase, Run, begin, collect, start_guest


class JavaScriptCase(GuestCase):
    kernel: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room("javascript", memoryBytes=1 << 30)
        cls.kernel = start_guest(cls.roomd, "javascript", "javascript")

    def execute(self, code: str, env: dict[str, str] | None = None) -> Run:
        return collect(begin(self.kernel, code, env))

    def value(self, code: str) -> str:
        run = self.execute(code)
        self.assertIsNone(run.error)
        return str(run.result["text"])


class Cells(JavaScriptCase):
    def test_declarations_are_kept_and_can_be_made_again(self) -> None:
        self.execute("const a = 1; let {b, c: [d]} = {b: 2, c: [3]}; class K { m() { return 7 } }; function f() { return a + 1 }; var v = 9")
        self.execute("const a = 10; class K { m() { return 8 } }")

        self.assertEqual(self.execute("[a, b, d, v, new K().m(), f()]").result["json"], [10, 2, 3, 9, 8, 11])

    def test_console_goes_to_the_streams(self) -> None:
        run = self.execute("console.log('out', {a: 1}); console.error('err'); process.stdout.write('bare'); undefined")

        self.assertEqual((run.stdout, run.stderr), ("out { a: 1 }\nbare", "err\n"))
        self.assertEqual(run.of("result"), [])

    def test_await_import_and_require(self) -> None:
        self.assertEqual(self.value("const later = await new Promise(done => setTimeout(() => done(5), 10)); later"), "5")
        self.assertEqual(self.value("import fs, {sep, join as glue} from 'node:path'; import * as os from 'os'; fs.sep + sep + glue('a', 'b') + typeof os.EOL"), "//a/bstring")
        self.assertEqual(self.value("(await import('os')).EOL.length + require('fs').constants.R_OK"), "5")

    def test_modules_of_the_working_directory(self) -> None:
        self.execute("require('fs').writeFileSync('own.mjs', 'export const q = 5; export default 6'); require('fs').writeFileSync('old.js', 'exports.z = 4')")

        self.assertEqual(self.value("import d, {q} from './own.mjs'; d * q + require('./old').z"), "34")

    def test_a_promise_is_waited_for(self) -> None:
        run = self.execute("async function main() { console.log('one'); await new Promise(done => setTimeout(done, 20)); console.log('two'); return 'end' }\nmain()")

        self.assertEqual(run.stdout, "one\ntwo\n")
        self.assertEqual(run.result["text"], "end")

    def test_short_timers_are_waited_for_and_intervals_are_not(self) -> None:
        run = self.execute("setTimeout(() => { console.log('one'); setTimeout(console.log, 20, 'two') }, 20); const every = setInterval(() => {}, 10)")

        self.assertEqual((run.stdout, run.of("result")), ("one\ntwo\n", []))
        self.assertEqual(self.execute("clearInterval(every); const t = setTimeout(() => console.log('never'), 50); clearTimeout(t); setTimeout(() => {}, 3_600_000).unref(); 'x'").stdout, "")
        self.assertEqual(self.value("await require('util').promisify(setTimeout)(5, 'promised')"), "promised")

    def test_typescript(self) -> None:
        self.assertEqual(self.value("interface A { n: number }\nconst typed: A = { n: 3 };\ntyped.n as number"), "3")

    def test_errors_tell_the_user_s_lines_only(self) -> None:
        thrown = self.execute("const ok = 1\nfunction inner() { null.x }\n\ninner()").error
        syntax = self.execute("let = = 1").error

        assert thrown is not None and syntax is not None
        self.assertEqual(thrown["name"], "TypeError")
        self.assertIn("inner (Cell[", thrown["traceback"])
        self.assertRegex(thrown["traceback"], r"Cell\[\d+\]:2:")
        self.assertNotIn("[stdin]", thrown["traceback"])
        self.assertEqual(syntax["name"], "SyntaxError")
        for code, name in (("throw 'text'", "Thrown"), ("await Promise.reject(new RangeError('r'))", "RangeError")):
            error = self.execute(code).error
            assert error is not None
            self.assertEqual(error["name"], name)

    def test_values_that_are_no_json(self) -> None:
        for code, text in (("new Map([[1, 2]])", "Map(1) { 1 => 2 }"), ("10n", "10n"), ("Symbol('s')", "Symbol(s)"), ("NaN", "NaN"), ("null", "null"), ("'text'", "text")):
            self.assertEqual(self.value(code), text)
            self.assertNotIn("json", self.execute(code).result)

    def test_exit_ends_the_cell(self) -> None:
        failed = self.execute("var still = 1; process.exit(3)")

        assert failed.error is not None
        self.assertEqual(failed.error["value"], "3")
        self.assertIsNone(self.execute("process.exit(0); throw 1").error)
        self.assertEqual(self.value("still"), "1")

    def test_variables_of_one_execution(self) -> None:
        self.assertEqual(self.execute("process.env.ONCE + process.env.MARK", {"ONCE": "1 "}).result["text"], "1 in the room")
        self.assertEqual(self.value("typeof process.env.ONCE"), "undefined")

    def test_long_output_comes_unchanged(self) -> None:
        run = self.execute("for (let i = 0; i < 50000; i++) console.log(i)")

        self.assertEqual(run.stdout, "".join(f"{n}\n" for n in range(50_000)))

    def test_errors_outside_of_cells_do_not_end_the_kernel(self) -> None:
        self.execute("setTimeout(() => { throw new Error('late') }, 1); Promise.reject(new Error('lost')); await new Promise(done => setTimeout(done, 30))")

        self.assertEqual(self.value("1 + 1"), "2")


class Interrupts(JavaScriptCase):
    def interrupt(self, code: str) -> None:
        connection = begin(self.kernel, f"console.log('running'); {code}")
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        connection.close()

    def test_loops_and_waits_keep_the_state(self) -> None:
        self.execute("const kept = 'yes'")
        for code in ("while (true);", "await new Promise(() => {})", "for (;;) console.log(1)", "setTimeout(() => console.log('never'), 9000)"):
            with self.subTest(code=code):
                self.interrupt(code)
                self.assertEqual(self.value("kept"), "yes")

    def test_an_interrupt_at_any_moment_keeps_the_state(self) -> None:
        self.execute("globalThis.kept = 'yes'")
        for code in ("await new Promise(() => {})", "while (true);", "await new Promise(() => {})") * 8:
            self.interrupt(code)
            begin(self.kernel, code).close()  # before it began
            self.assertEqual(self.value("kept"), "yes")

    def test_listeners_of_a_cell_hear_the_interrupt(self) -> None:
        self.execute("globalThis.heard = []; process.on('SIGINT', (name) => heard.push(name))")
        self.interrupt("await new Promise(() => {})")
        self.interrupt("while (true);")

        self.assertEqual(self.value("heard.join()"), "SIGINT")
        self.execute("process.removeAllListeners('SIGINT')")

    def test_programs_of_the_cell_are_ended(self) -> None:
        self.interrupt("require('child_process').spawn('yes', {stdio: 'inherit'}); await new Promise(() => {})")
        self.interrupt("require('child_process').execSync('yes & sleep 1000', {stdio: 'inherit'})")

        self.assertEqual(self.execute("0").stdout, "")
        self.assertNotIn("yes", self.execute("console.log(require('child_process').execSync('ps -eo stat=,args= | grep -v ^Z').toString())").stdout)

    def test_a_loop_that_cannot_be_interrupted_costs_the_state(self) -> None:
        self.interrupt("await null; while (true);")

        self.assertEqual(self.value("1 + 1"), "2")

    def test_a_killed_node_is_replaced_and_told(self) -> None:
        killed = self.execute("process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})")

        assert killed.error is not None
        self.assertEqual(killed.error["name"], "KernelDied")
        self.assertEqual(self.value("1 + 1"), "2")


if __name__ == "__main__":
    unittest.main()
