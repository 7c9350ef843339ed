"""Rich results of the Python kernel: formats, figures, charts, bounds."""

from __future__ import annotations

import base64
import json
import unittest

from guest_case import Run, begin, collect, start_guest
from test_kernel_python import PythonCase

_PNG = b"\x89PNG\r\n\x1a\n"
_PLOT = "import matplotlib.pyplot as plt\n"


class Formats(PythonCase):
    def test_a_data_frame_is_text_html_and_data(self) -> None:
        result = self.execute("import pandas as pd\npd.DataFrame({'a': [1.5, None], 'b': pd.to_datetime(['2020-01-02', None]), 'c': ['x', 'y']})").result

        self.assertEqual(result["data"], {"a": [1.5, None], "b": ["2020-01-02T00:00:00", None], "c": ["x", "y"]})
        self.assertIn("<table", result["html"])
        self.assertIn("1.5", result["text"])

    def test_dicts_and_lists_have_json(self) -> None:
        self.assertEqual(self.execute("{'a': [1, (2, 3)], 5: None}").result["json"], {"a": [1, [2, 3]], "5": None})
        self.assertEqual(self.execute("[1, 'zwei']").result["json"], [1, "zwei"])
        self.assertNotIn("json", self.execute("{'a': object()}").result)
        self.assertNotIn("json", self.execute("5").result)

    def test_displays_come_in_order_and_are_not_main(self) -> None:
        run = self.execute("from IPython.display import *\nprint('a')\ndisplay(HTML('<b>h</b>'))\nprint('b')\ndisplay(Markdown('# m'), Latex('$l$'), SVG('<svg/>'), Javascript('j'))\n'main'")

        kinds = [next((name for name in ("html", "markdown", "latex", "svg", "javascript") if name in item), "main") if isinstance(item, dict) else item.decode()
                 for _, item in run.items[1:-1]]
        self.assertEqual(kinds, ["a\n", "html", "b\n", "markdown", "latex", "svg", "javascript", "main"])
        self.assertEqual([result["is_main_result"] for result in run.of("result")], [False] * 5 + [True])

    def test_own_representations(self) -> None:
        run = self.execute("class Own:\n    def _repr_html_(self): return '<i>'\n    def _repr_json_(self): return {'k': 1}\n    def _repr_e2b_data_(self): return {'d': [1]}\n"
                           "    def _repr_mimebundle_(self, include=None, exclude=None): return {'application/x-own': {'z': 1}}\nOwn()")

        self.assertEqual((run.result["html"], run.result["json"], run.result["data"]), ("<i>", {"k": 1}, {"d": [1]}))
        self.assertEqual(run.result["extra"], {"application/x-own": {"z": 1}})

    def test_images(self) -> None:
        run = self.execute("from PIL import Image\nimage = Image.new('RGB', (4, 4))\nimage.save('/tmp/saved.png')\nimage")

        self.assertEqual([result["is_main_result"] for result in run.of("result")], [False, True])
        for result in run.of("result"):
            self.assertTrue(base64.b64decode(result["png"]).startswith(_PNG))

    def test_a_semicolon_and_none_give_no_result(self) -> None:
        self.assertEqual(self.execute("5;").of("result"), [])
        self.assertEqual(self.execute("None").of("result"), [])

    def test_long_sequences_are_whole(self) -> None:
        self.assertEqual(self.execute("list(range(5000))").result["text"].count("\n") + 1, 5000)

    def test_a_result_longer_than_a_frame_comes_whole(self) -> None:
        self.assertEqual(self.execute("'x€' * 1_000_000").result["text"], "x€" * 1_000_000)

    def test_a_result_over_the_bound_is_an_error_and_not_the_end(self) -> None:
        run = self.execute("'x' * (40 << 20)")

        assert run.error is not None
        self.assertEqual((run.error["name"], run.of("result")), ("ResultTooLarge", []))
        self.assertEqual(self.execute("1").result["text"], "1")

    def test_every_message_is_strict_json(self) -> None:
        run = self.execute("import numpy as np\n{'nan': float('nan'), 'inf': [float('inf')], 'array': np.ones(2)}")

        json.dumps(run.messages, allow_nan=False)


class Charts(PythonCase):
    def chart(self, code: str) -> dict[str, object]:
        run = self.execute(_PLOT + code)
        self.assertIsNone(run.error)
        results = run.of("result")
        figures = [result for result in results if "png" in result]
        self.assertEqual(len(figures), 1)
        self.assertFalse(figures[0]["is_main_result"])
        self.assertTrue(base64.b64decode(figures[0]["png"]).startswith(_PNG))
        chart: dict[str, object] = figures[0]["chart"]
        return chart

    def test_figures_are_shown_by_show_and_at_the_end_of_a_cell(self) -> None:
        run = self.execute(_PLOT + "plt.plot([1]); plt.show()\nprint('between')\nplt.figure(); plt.plot([2])\nprint('end')")

        shape = ["figure" if isinstance(item, dict) else item.decode() for _, item in run.items[1:-1]]
        self.assertEqual(shape, ["figure", "between\n", "end\n", "figure"])
        self.assertEqual(self.execute("1").of("result")[0]["text"], "1")

    def test_lines(self) -> None:
        chart = self.chart("plt.plot([1, 2], [3, 4], label='up'); plt.plot([1, 2], [5, 6]); plt.xlabel('time (s)'); plt.ylabel('m [kg]'); plt.title('T');")

        self.assertEqual((chart["type"], chart["title"], chart["x_label"], chart["x_unit"], chart["y_unit"], chart["x_scale"]), ("line", "T", "time (s)", "s", "kg", "linear"))
        self.assertEqual(chart["elements"], [{"label": "up", "points": [[1.0, 3.0], [2.0, 4.0]]}, {"label": "Line 2", "points": [[1.0, 5.0], [2.0, 6.0]]}])

    def test_dates(self) -> None:
        chart = self.chart("import datetime as dt\nplt.plot([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2)], [1, 2]);")

        self.assertEqual(chart["x_scale"], "datetime")
        self.assertIn("2020-01-01T00:00:00", json.dumps(chart["elements"]))

    def test_scatter_bars_pies_and_boxes(self) -> None:
        scatter = self.chart("plt.scatter([1, 2], [3, 4]);")
        bars = self.chart("plt.bar(['a', 'b'], [1, 2], label='g'); plt.xlabel('x'); plt.ylabel('y');")
        flat = self.chart("plt.barh(['a', 'b'], [1, 2]); plt.xlabel('x'); plt.ylabel('y');")
        pie = self.chart("plt.pie([1, 3], labels=['one', 'three']);")
        boxes = self.chart("plt.boxplot([[1, 2, 3, 4, 100]], patch_artist=True);")

        self.assertEqual((scatter["type"], scatter["elements"]), ("scatter", [{"label": "Line 1", "points": [[1.0, 3.0], [2.0, 4.0]]}]))
        self.assertEqual((bars["type"], bars["elements"]), ("bar", [{"label": "a", "group": "g", "value": 1.0}, {"label": "b", "group": "g", "value": 2.0}]))
        self.assertEqual((flat["x_label"], flat["y_label"], [element["label"] for element in flat["elements"]]), ("y", "x", ["a", "b"]))  # type: ignore[attr-defined]
        self.assertEqual((pie["type"], pie["elements"]), ("pie", [{"label": "one", "angle": 90.0, "radius": 1.0}, {"label": "three", "angle": 270.0, "radius": 1.0}]))
        self.assertEqual(boxes["type"], "box_and_whisker")
        self.assertEqual(boxes["elements"], [{"label": "1", "min": 1.0, "first_quartile": 2.0, "median": 3.0, "third_quartile": 4.0, "max": 4.0, "outliers": [100.0]}])

    def test_several_axes_and_what_is_no_chart(self) -> None:
        both = self.chart("figure, axes = plt.subplots(1, 2); axes[0].plot([1, 2]); axes[1].bar(['a'], [1]); figure.suptitle('S');")
        image = self.chart("plt.imshow([[1, 2], [3, 4]]);")

        self.assertEqual((both["type"], both["title"], [chart["type"] for chart in both["elements"]]), ("superchart", "S", ["line", "bar"]))  # type: ignore[attr-defined]
        self.assertEqual((image["type"], image["elements"]), ("unknown", []))


class Liveness(PythonCase):
    def test_a_line_is_seen_before_a_call_in_c_ends(self) -> None:
        connection = begin(self.kernel, "print('first'); print('second')\nsum(range(10**13))")
        seen = b""
        while b"second\n" not in seen:
            frame = connection.receive()
            assert frame is not None
            seen += frame[1] if frame[0] else b""
        # sum() looks for no signal: only the end of the kernel ends it, as the engine does for cells that do not heed the interrupt.
        connection.close()
        self.roomd.call("guest.kill", sandbox="python", name="python", signal=9)
        self.roomd.await_event(lambda event: event.get("event") == "guest.exit" and event["name"] == "python")

        type(self).kernel = start_guest(self.roomd, "python", "python")
        run: Run = collect(begin(self.kernel, "'new'"))
        self.assertEqual(run.result["text"], "new")


if __name__ == "__main__":
    unittest.main()
