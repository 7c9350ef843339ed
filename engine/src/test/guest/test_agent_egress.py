"""The room's side of the proxy: its port, the connections that the server opens for it, the files that programs need."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading

import guest_case
from athenic_guest.agent import egress_files, pump
from guest_case import answered, connect, operate, refused

PORT = 3128
TALK = f"""
import socket, sys
peer = socket.create_connection(("127.0.0.1", {PORT}), timeout=60)
peer.sendall(b"question")
peer.shutdown(socket.SHUT_WR)
total = 0
while data := peer.recv(1 << 16):
    total += len(data)
print(total)
"""


class EgressTest(guest_case.GuestCase):
    def start(self, agent: str, code: str, user: str = "user") -> guest_case.Run:
        return operate(agent, {"op": "process.start", "cmd": "/usr/bin/python3", "args": ["-c", code], "user": user})

    def test_a_program_reaches_the_server_that_waits(self) -> None:
        agent = self.guest("agent")
        self.assertEqual(answered(operate(agent, {"op": "egress.open", "port": PORT}))["notes"], [])
        waiting = connect(agent)
        waiting.send_json({"op": "egress.accept"})
        runs: list[guest_case.Run] = []
        program = threading.Thread(target=lambda: runs.append(self.start(agent, TALK)))
        program.start()

        self.assertEqual(waiting.receive_json(), {"ok": {}})
        question = b""
        while data := waiting.socket.recv(1 << 16):
            question += data
        size = 8 << 20
        waiting.socket.sendall(bytes(size))
        waiting.close()
        program.join()

        self.assertEqual(question, b"question")
        self.assertEqual(runs[0].stdout.strip(), str(size))

    def test_a_waiting_connection_that_is_closed_takes_no_program(self) -> None:
        agent = self.guest("agent")
        answered(operate(agent, {"op": "egress.open", "port": PORT}))
        gone = connect(agent)
        gone.send_json({"op": "egress.accept"})
        operate(agent, {"op": "ping"})
        gone.close()
        stays = connect(agent)
        stays.send_json({"op": "egress.accept"})
        program = threading.Thread(target=self.start, args=(agent, TALK))
        program.start()

        self.assertEqual(stays.receive_json(), {"ok": {}})
        stays.close()
        program.join()

    def test_accept_without_open_is_refused(self) -> None:
        self.assertEqual(refused(operate(self.guest("agent"), {"op": "egress.accept"})), "failed_precondition")

    def test_a_port_that_is_taken_is_told_and_breaks_nothing(self) -> None:
        agent = self.guest("agent")
        holder = connect(agent)
        holder.send_json({
            "op": "process.start", "cmd": "/usr/bin/python3",
            "args": ["-c", f"import socket, time; s = socket.create_server(('127.0.0.1', {PORT})); print('up', flush=True); time.sleep(600)"],
        })
        while (frame := holder.receive()) is not None and b"up" not in frame[1]:
            continue

        notes = answered(operate(agent, {"op": "egress.open", "port": PORT}))["notes"]

        self.assertIn("cannot listen", notes[0])
        self.assertEqual(refused(operate(agent, {"op": "egress.accept"})), "failed_precondition")
        holder.close()

    def test_files_are_made_once_and_a_pipe_in_their_place_holds_nobody_up(self) -> None:
        agent = self.guest("agent")
        answered(operate(agent, {"op": "egress.open", "port": PORT}))
        path = "/etc/apt/apt.conf.d/80athenic-proxy"
        self.start(agent, f"import os; os.unlink({path!r}); os.mkfifo({path!r}); os.mkfifo({path + '.new'!r})", user="root")

        self.assertEqual(answered(operate(agent, {"op": "egress.open", "port": PORT}))["notes"], [])

        run = self.start(agent, f"print(open({path!r}).read()); import subprocess; subprocess.run(['sudo', '-n', 'visudo', '-c'], check=True)")
        self.assertIn(f'Acquire::http::Proxy "http://127.0.0.1:{PORT}";', run.stdout)
        self.assertIn("parsed OK", run.stdout)


class PumpTest(guest_case.unittest.TestCase):
    def test_each_side_ends_by_itself_and_nothing_is_lost(self) -> None:
        left, left_far = socket.socketpair()
        right, right_far = socket.socketpair()
        carrier = threading.Thread(target=pump.pump, args=(left, right))
        carrier.start()
        data = os.urandom(3 << 20)
        sender = threading.Thread(target=lambda: (left_far.sendall(data), left_far.shutdown(socket.SHUT_WR)))
        sender.start()

        received = b""
        while piece := right_far.recv(1 << 16):
            received += piece
        self.assertEqual(received, data)
        right_far.sendall(b"answer")
        right_far.close()
        self.assertEqual(left_far.recv(100), b"answer")
        self.assertEqual(left_far.recv(100), b"")
        for thread in (sender, carrier):
            thread.join()
        for end in (left, right, left_far):
            end.close()

    def test_a_broken_side_ends_both(self) -> None:
        left, left_far = socket.socketpair()
        right, right_far = socket.socketpair()
        carrier = threading.Thread(target=pump.pump, args=(left, right))
        carrier.start()
        right_far.close()
        try:
            while True:
                left_far.sendall(bytes(1 << 16))
                left_far.shutdown(socket.SHUT_WR)
                break
        except OSError:
            pass
        carrier.join(60)

        self.assertFalse(carrier.is_alive())
        for end in (left, right, left_far):
            end.close()


class CertificatesTest(guest_case.unittest.TestCase):
    def test_only_what_the_bundle_lacks_is_added(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            made = []
            for name in ("a", "b"):
                subprocess.run(
                    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                     "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"],
                    check=True, capture_output=True,
                )
                with open(f"{folder}/{name}.pem", encoding="ascii") as file:
                    made.append(file.read())
            before = egress_files._BUNDLE, egress_files._OWN
            egress_files._BUNDLE, egress_files._OWN = f"{folder}/bundle.crt", f"{folder}/own/own.crt"
            try:
                with open(egress_files._BUNDLE, "w", encoding="ascii") as file:
                    file.write(made[0])

                self.assertEqual(egress_files._trust(made[0] + made[1]), [])
                self.assertEqual(egress_files._trust(made[1].replace("\n", "\r\n")), [])

                with open(egress_files._BUNDLE, encoding="ascii") as file:
                    self.assertEqual(file.read(), made[0] + made[1])
                with open(egress_files._OWN, encoding="ascii") as file:
                    self.assertEqual(file.read(), made[1])
            finally:
                egress_files._BUNDLE, egress_files._OWN = before
