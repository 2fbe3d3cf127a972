#!/usr/bin/env python3
"""The Python client against the real program: plain and with keys, faults included.

  reeve_client_test.py PROGRAM      exit code 77: skipped, because packages are missing
"""

import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
try:
    import reeve_client
    import zmq
except (ImportError, RuntimeError) as missing:
    print(f"skipped: {missing} (scripts/setup installs what is needed)")
    sys.exit(77)

PROGRAM = ""


class Service:
    """`reeve bus serve` with more options, at a port of its own."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [PROGRAM, "bus", "serve", "--bind", "tcp://127.0.0.1:*", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.endpoint = self.process.stdout.readline().strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, self.log = self.process.communicate(timeout=60)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


def keygen(folder, name):
    subprocess.run([PROGRAM, "bus", "keygen", name, "--out", folder], check=True,
                   stdout=subprocess.DEVNULL)


class ClientTest(unittest.TestCase):
    def test_a_fixed_policy_says_what_it_was_told_to(self):
        with Service("--set", "policy.name=static", "--set", "policy.static.replicas=7") as service:
            with reeve_client.Client(service.endpoint, ["a", "b"]) as client:
                self.assertEqual(client.policy, "static")
                self.assertEqual(client.period, 2.0)
                decisions = client.decide(time=2, window=2, arrivals=[1, 2])
                self.assertEqual([d.replicas for d in decisions], [7, 7])
                client.heartbeat()
            self.assertEqual(service.stop(), 0)
            self.assertIn("decisions=1 ", service.log)
            self.assertIn("sessions=0 ", service.log)

    def test_kpa_follows_the_load(self):
        # Concurrency 10 in containers for 1 at a target use of 70 %: 10 / 0.7, rounded up, is 15.
        with Service() as service:
            with reeve_client.Client(service.endpoint, ["f"]) as client:
                replicas = 1
                for k in range(1, 61):
                    decision = client.decide(
                        time=2.0 * k, window=2.0, arrivals=[20], completions=[20], in_flight=[10],
                        mean_in_flight=[10.0], containers_ready=[replicas],
                        replicas_asked=[replicas], concurrency_limit=[1])[0]
                    replicas = replicas if decision.replicas is None else decision.replicas
                self.assertEqual(replicas, 15)

    def test_what_cannot_be_is_refused_and_named(self):
        with Service() as service:
            with reeve_client.Client(service.endpoint, ["f", "g"]) as client:
                with self.assertRaises(reeve_client.ReeveError) as caught:
                    client.decide(time=2, window=2, mean_in_flight=[1.0, float("nan")])
                self.assertEqual(caught.exception.code, "INVALID")
                self.assertIn("functions.mean_in_flight[1] is nan", str(caught.exception))
                with self.assertRaises(TypeError):
                    client.decide(time=2, window=2, arivals=[1, 2])
                self.assertEqual(len(client.decide(time=2, window=2)), 2)

    def test_keys(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("server", "alice", "mallory"):
                keygen(folder, name)
            allowed = pathlib.Path(folder) / "allowed"
            allowed.mkdir()
            (allowed / "alice.key").write_text((pathlib.Path(folder) / "alice.key").read_text())
            with Service("--set", f"socket.key={folder}/server.key_secret",
                         "--set", f"socket.allowed={allowed}") as service:
                server = f"{folder}/server.key"
                with reeve_client.Client(service.endpoint, ["f"], server_key=server,
                                         key=f"{folder}/alice.key_secret") as client:
                    self.assertEqual(len(client.decide(time=2, window=2)), 1)
                for options in ({"server_key": server, "key": f"{folder}/mallory.key_secret"}, {}):
                    with self.assertRaises(reeve_client.NoAnswer):
                        reeve_client.Client(service.endpoint, ["f"], timeout=0.5, retries=0,
                                            **options)

    def test_an_answer_that_is_lost_is_asked_for_again(self):
        with Service() as service:
            with Proxy(service.endpoint) as proxy:
                with reeve_client.Client(proxy.endpoint, ["f"], timeout=1.0) as client:
                    proxy.lose_next_answer()
                    self.assertEqual(len(client.decide(time=2, window=2)), 1)
                    self.assertEqual(proxy.lost, 1)
            self.assertEqual(service.stop(), 0)
            self.assertIn("decisions=1 ", service.log)
            self.assertIn("repeated=1 ", service.log)

    def test_nobody_there(self):
        with self.assertRaises(reeve_client.NoAnswer):
            reeve_client.Client("tcp://127.0.0.1:9", ["f"], timeout=0.2, retries=1)


class Proxy:
    """Between client and service: passes messages on, and loses an answer when told."""

    def __init__(self, endpoint):
        import threading
        self.context = zmq.Context()
        self.front = self.context.socket(zmq.ROUTER)
        self.back = self.context.socket(zmq.DEALER)
        self.front.linger = self.back.linger = 0
        port = self.front.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.back.connect(endpoint)
        self.lose, self.lost, self.stopped = False, 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def lose_next_answer(self):
        self.lose = True

    def run(self):
        poller = zmq.Poller()
        poller.register(self.front, zmq.POLLIN)
        poller.register(self.back, zmq.POLLIN)
        client = None
        while not self.stopped:
            for socket, _ in poller.poll(50):
                frames = socket.recv_multipart()
                if socket is self.front:
                    client = frames[0]
                    self.back.send_multipart(frames[1:])
                elif self.lose:
                    self.lose, self.lost = False, self.lost + 1
                else:
                    self.front.send_multipart([client] + frames)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()
        self.front.close()
        self.back.close()
        self.context.term()


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
