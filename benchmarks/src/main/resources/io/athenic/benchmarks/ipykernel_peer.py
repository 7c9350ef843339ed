"""Measures Jupyter's ipykernel through Jupyter's own client; prints one JSON object with milliseconds, lines per second and megabytes."""

import json
import re
import time

from jupyter_client.manager import start_new_kernel


def run(client, code, first_only=False):
    """Seconds to the first stream message, or to the idle status; and the text."""
    start = time.perf_counter()
    request = client.execute(code)
    text = []
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            text.append(content["text"])
            if first_only:
                return time.perf_counter() - start, "".join(text)
        if kind == "execute_result":
            text.append(content["data"]["text/plain"])
        if kind == "status" and content["execution_state"] == "idle":
            return time.perf_counter() - start, "".join(text)


figures = {"start": [], "warm": [], "first": [], "lines": [], "memory": []}
for attempt in range(5):
    begin = time.perf_counter()
    manager, client = start_new_kernel()
    assert run(client, "1+1")[1] == "2"
    figures["start"].append((time.perf_counter() - begin) * 1e3)
    if attempt == 4:
        for _ in range(20):
            run(client, "1+1")
        figures["warm"] = [run(client, "1+1")[0] * 1e3 for _ in range(100)]
        for _ in range(10):
            figures["first"].append(run(client, "import time\nprint('first')\ntime.sleep(0.5)", first_only=True)[0] * 1e3)
            run(client, "None")
        wanted = "".join(f"{i}\n" for i in range(100_000))
        for _ in range(3):
            seconds, text = run(client, "for i in range(100000): print(i)")
            assert text == wanted
            figures["lines"].append(100_000 / seconds)
        run(client, "import pandas as pd\npd.DataFrame({'a': range(1000)}).describe()\nNone")
        pid = int(run(client, "import os\nprint(os.getpid())")[1])
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            figures["memory"].append(int(re.search(r"Private_Dirty:\s+(\d+)", file.read())[1]) / 1e3)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps(figures))
