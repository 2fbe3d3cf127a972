#!/usr/bin/python3
"""A client of Reeve's decision service (`reeve bus serve`), as a module and as a program.

    from reeve_client import Client

    with Client("tcp://127.0.0.1:5590", ["resize", "thumbnail"]) as reeve:
        for k in range(1, 100):
            decisions = reeve.decide(time=2.0 * k, window=2.0, arrivals=[12, 0], ...)
            for name, decision in zip(reeve.functions, decisions):
                if decision.replicas is not None:
                    scale(name, decision.replicas)

Times are seconds; the columns of a window and their units are the fields of message Windows in
controller/bus/bus.proto. Needs Debian's python3-zmq, python3-protobuf and protobuf-compiler.

As a program it drives a service with a load made up on the spot:

    scripts/reeve_client.py tcp://127.0.0.1:5590 --functions 3 --periods 20
"""

import argparse
import dataclasses
import importlib
import math
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import List, Optional

try:
    import google.protobuf  # noqa: F401
    import zmq
except ImportError as missing:
    raise ImportError(
        f"{missing}: install python3-zmq and python3-protobuf, and use the system's Python "
        "(/usr/bin/python3)"
    ) from missing

VERSION = 1
PROTO = pathlib.Path(__file__).resolve().parent.parent / "controller" / "bus" / "bus.proto"


def load_messages(proto: Optional[pathlib.Path] = None):
    """The messages of bus.proto as a Python module, made by protoc."""
    proto = pathlib.Path(proto or os.environ.get("REEVE_BUS_PROTO", PROTO))
    if not proto.is_file():
        raise FileNotFoundError(f"{proto}: not there; set REEVE_BUS_PROTO to bus.proto")
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(
                ["protoc", f"--proto_path={proto.parent}", f"--python_out={folder}", proto.name],
                check=True,
            )
        except FileNotFoundError as missing:
            raise RuntimeError("protoc is not installed: it is in protobuf-compiler") from missing
        sys.path.insert(0, folder)
        try:
            return importlib.import_module(proto.stem + "_pb2")
        finally:
            sys.path.remove(folder)


bus = load_messages()


class ReeveError(Exception):
    """The service refused: `code` is one of ErrorCode in bus.proto, by name."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code


class NoAnswer(Exception):
    """Nobody answered in time: no service, no network, or a key that is not allowed."""


@dataclasses.dataclass
class Decision:
    """What is None stays as it is."""

    replicas: Optional[int] = None
    cpu_limit_millicores: Optional[int] = None
    memory_limit_mebibytes: Optional[int] = None
    concurrency: Optional[int] = None
    keep_alive: Optional[float] = None  # seconds


def load_keys(path):
    """(public, secret) of a file that `reeve bus keygen` or pyzmq made; secret may be None."""
    public, secret = None, None
    for line in pathlib.Path(path).read_text(encoding="ascii").splitlines():
        name, equals, value = line.partition("=")
        if line.lstrip().startswith("#") or not equals:
            continue
        value = value.strip(" \t\"'").encode()
        if name.strip() == "public-key":
            public = value
        elif name.strip() == "secret-key":
            secret = value
    if public is None:
        raise ValueError(f"{path}: no public-key in it")
    return public, secret


def micros(seconds: float) -> int:
    return round(seconds * 1e6)


class Client:
    """One session: a policy of its own for these functions. Not thread-safe.

    With keys, `server_key` is the service's public key file and `key` our secret one. A request
    without an answer within `timeout` seconds is sent again over a new connection, `retries` times;
    the service takes it only once.
    """

    def __init__(self, endpoint, functions, *, tenants=None, server_key=None, key=None,
                 timeout=5.0, retries=3, name="reeve_client.py"):
        if (server_key is None) != (key is None):
            raise ValueError("server_key and key go together")
        self.endpoint, self.functions = endpoint, list(functions)
        self._tenants, self._name = list(tenants or []), name
        self._timeout_ms, self._retries = int(timeout * 1000), retries
        self._server_key = load_keys(server_key)[0] if server_key else None
        self._keys = load_keys(key) if key else None
        if self._keys and self._keys[1] is None:
            raise ValueError(f"{key}: no secret-key in it")
        self._context, self._socket = zmq.Context(), None
        self._session, self._id = os.urandom(16), 0
        try:
            self.begin()
        except BaseException:
            self._disconnect()
            self._context.term()
            raise

    def begin(self):
        """Says Hello: again, for a policy that knows nothing of before."""
        request = bus.Request()
        request.hello.functions.extend(self.functions)
        request.hello.tenants.extend(self._tenants)
        request.hello.client = self._name
        welcome = self._ask(request).welcome
        self.policy, self.period = welcome.policy, welcome.period_us / 1e6
        self.session_timeout = welcome.session_timeout_us / 1e6

    def decide(self, time, window, *, cluster=None, **columns) -> List[Decision]:
        """What the policy decides on a control period of `window` seconds that ended at `time`.

        Columns are sequences with one number a function; those left out are zero. `cluster` is a
        dict of fields of message Cluster.
        """
        request = bus.Request()
        request.snapshot.time_us, request.snapshot.window_us = micros(time), micros(window)
        for name, column in columns.items():
            if name not in bus.Windows.DESCRIPTOR.fields_by_name:
                known = ", ".join(bus.Windows.DESCRIPTOR.fields_by_name)
                raise TypeError(f"there is no column '{name}'; there are: {known}")
            # numpy's numbers are not Python's.
            getattr(request.snapshot.functions, name).extend(
                column.tolist() if hasattr(column, "tolist") else column)
        for name, value in (cluster or {}).items():
            setattr(request.snapshot.cluster, name, value)
        return self._decisions(self._ask(request))

    def wake(self, function: int, time) -> Decision:
        """A request came at `time` for a function without containers; `function` is its place."""
        request = bus.Request()
        request.wake.function, request.wake.time_us = function, micros(time)
        return self._decisions(self._ask(request))[0]

    def heartbeat(self):
        """Keeps the session while there is nothing to decide."""
        request = bus.Request()
        request.heartbeat.SetInParent()
        self._ask(request)

    def close(self):
        if self._context.closed:
            return
        try:
            request = bus.Request()
            request.goodbye.SetInParent()
            self._ask(request, retries=0)
        except (NoAnswer, ReeveError):
            pass  # the service forgets the session by itself
        self._disconnect()
        self._context.term()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _decisions(reply) -> List[Decision]:
        def of(message):
            decision = Decision()
            for field in ("replicas", "cpu_limit_millicores", "memory_limit_mebibytes",
                          "concurrency"):
                if message.HasField(field):
                    setattr(decision, field, getattr(message, field))
            if message.HasField("keep_alive_us"):
                decision.keep_alive = message.keep_alive_us / 1e6
            return decision

        return [of(message) for message in reply.decisions.decisions]

    def _connect(self):
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        # Who was refused has nowhere to send to.
        self._socket.sndtimeo = self._timeout_ms
        if self._keys:
            self._socket.curve_serverkey = self._server_key
            self._socket.curve_publickey, self._socket.curve_secretkey = self._keys
        self._socket.connect(self.endpoint)

    def _disconnect(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, request, retries=None):
        self._id += 1
        request.version, request.id, request.session = VERSION, self._id, self._session
        message = request.SerializeToString()
        for _ in range(1 + (self._retries if retries is None else retries)):
            if self._socket is None:
                self._connect()
            try:
                self._socket.send(message)
                reply = self._answer_to(request.id)
            except zmq.Again:
                reply = None
            if reply is None:
                self._disconnect()
                continue
            if reply.HasField("error"):
                raise ReeveError(bus.ErrorCode.Name(reply.error.code), reply.error.message)
            return reply
        raise NoAnswer(f"no answer from {self.endpoint}: is it running, and is our key allowed?")

    def _answer_to(self, number):
        """The reply to a request; None when it does not come in time."""
        while self._socket.poll(self._timeout_ms):
            reply = bus.Reply()
            reply.ParseFromString(self._socket.recv())
            if reply.id == number:
                return reply
        return None


def demo(options):
    names = [f"function-{i}" for i in range(options.functions)]
    keys = {"server_key": options.server_key, "key": options.key}
    with Client(options.endpoint, names, timeout=options.timeout, **keys) as client:
        print(f"policy {client.policy}, period {client.period:g} s")
        replicas = [0] * len(names)
        for k in range(1, options.periods + 1):
            # Each function has a wave of its own; a request takes 0.5 s.
            rates = [20 * (1 + math.sin(0.3 * k + i)) for i in range(len(names))]
            arrivals = [round(rate * client.period) for rate in rates]
            decisions = client.decide(
                time=k * client.period, window=client.period, arrivals=arrivals,
                completions=arrivals, mean_in_flight=[0.5 * rate for rate in rates],
                in_flight=[round(0.5 * rate) for rate in rates], containers_ready=replicas,
                replicas_asked=replicas, concurrency_limit=[1] * len(names),
                cpu_limit_millicores=[1000] * len(names),
                memory_limit_mebibytes=[256] * len(names))
            replicas = [r if d.replicas is None else d.replicas
                        for r, d in zip(replicas, decisions)]
            print(f"{k * client.period:8g} s  arrivals {arrivals}  replicas {replicas}")


def main():
    parser = argparse.ArgumentParser(description="Drives a decision service with a made-up load.")
    parser.add_argument("endpoint", help="as `reeve bus serve` prints it")
    parser.add_argument("--functions", type=int, default=3)
    parser.add_argument("--periods", type=int, default=20)
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds to wait for an answer")
    parser.add_argument("--server-key", help="the service's NAME.key")
    parser.add_argument("--key", help="our NAME.key_secret")
    try:
        demo(parser.parse_args())
    except (NoAnswer, ReeveError, OSError, ValueError) as error:
        print(f"reeve: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
