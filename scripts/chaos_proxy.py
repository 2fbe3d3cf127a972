"""HTTP proxies that break as they are told, for scripts/chaos: one before an API server (TLS, watches), one
before a Prometheus. Standard library alone."""

import http.client
import http.server
import random
import socket
import ssl
import struct
import threading
import time

STATUSES = {"409": 409, "410": 410, "429": 429, "500": 500}


class Faults:
    """What is broken now: a kind and the share of requests that it hits. Thread-safe."""

    def __init__(self, seed):
        self.lock = threading.Lock()
        self.random = random.Random(seed)
        self.active = []  # (kind, share)
        self.over = threading.Event()  # set when a delay has to end
        self.hits = 0

    def begin(self, kind, share):
        with self.lock:
            self.over = threading.Event()
            self.active.append((kind, share))

    def end(self, kind):
        with self.lock:
            self.active = [one for one in self.active if one[0] != kind]
            self.over.set()

    def hit(self):
        with self.lock:
            for kind, share in self.active:
                if self.random.random() < share:
                    self.hits += 1
                    return kind
            return None

    def delay(self):
        with self.lock:
            over, seconds = self.over, self.random.uniform(0.1, 1.5)
        over.wait(seconds)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):  # the peer is gone, or was cut off
            pass

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def cut(self):
        """The connection is reset, as soon as this request is done with."""
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass

    def answer(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server.proxy
        kind = proxy.faults.hit()
        if kind in STATUSES:
            text = b'{"kind":"Status","status":"Failure","code":%d,"message":"chaos"}' % STATUSES[kind]
            return self.answer(STATUSES[kind], text)
        if kind == "garbage":
            return self.answer(200, b"\x7fELF\x01\xff]]{\"items\":17,\x00")
        if kind == "reset" and proxy.faults.random.random() < 0.5:
            return self.cut()  # and nothing was done
        if kind == "delay":
            proxy.faults.delay()
        if kind == "stale" and self.path in proxy.last:
            return self.answer(*proxy.last[self.path])
        self.forward(body, kind)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def forward(self, body, kind):
        proxy = self.server.proxy
        upstream = proxy.connect()
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
            upstream.request(self.command, self.path, body or None, headers)
            response = upstream.getresponse()
            if "watch=1" in self.path and response.status == 200:
                return self.stream(response, upstream)
            content = response.read()
        except (OSError, http.client.HTTPException):
            return self.cut()
        finally:
            upstream.close()
        content_type = response.headers.get("Content-Type", "application/json")
        if kind == "reset":
            self.send_response(response.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            return self.cut()
        if kind == "truncated":
            content = content[: len(content) // 2]
        elif proxy.keep_last and response.status == 200:
            proxy.last[self.path] = (200, content, content_type)
        self.answer(response.status, content, content_type)

    def stream(self, response, upstream):
        """A watch: events as they come, a line each."""
        proxy = self.server.proxy
        watch = (self, upstream)
        with proxy.lock:
            proxy.watches.append(watch)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while line := response.readline():
                self.chunk(line)
            self.wfile.write(b"0\r\n\r\n")
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            self.cut()
        finally:
            with proxy.lock:
                if watch in proxy.watches:
                    proxy.watches.remove(watch)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, address):
        pass  # handshakes that were broken off


class Proxy:
    """`connect` makes a connection to what is behind it."""

    def __init__(self, connect, seed, tls=None, keep_last=False):
        self.faults = Faults(seed)
        self.connect = connect
        self.keep_last = keep_last
        self.last = {}
        self.lock = threading.Lock()
        self.watches = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.port = self.server.server_address[1]
        if tls is not None:
            # Handshakes in the threads of the connections, not in the one that accepts them.
            self.server.socket = tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def cut_watches(self):
        with self.lock:
            watches, self.watches = self.watches, []
        for _, upstream in watches:
            try:  # its thread then resets the client's connection
                upstream.sock.shutdown(socket.SHUT_RDWR)
            except (OSError, AttributeError):
                pass

    def garble_watches(self):
        with self.lock:
            watches = list(self.watches)
        for handler, _ in watches:
            try:
                handler.chunk(b'{"type":"MODIFIED","object":\x01\xff]]\n')
            except (OSError, ValueError):
                pass

    def begin(self, kind, share):
        self.faults.begin(kind, share)
        if kind in ("reset", "410"):
            self.cut_watches()
        if kind == "garbage":
            self.garble_watches()

    def end(self, kind):
        self.faults.end(kind)


def api_server_proxy(port, pki, seed):
    """Before the API server at `port`; speaks for the administrator, with the server's own certificate."""
    outwards = ssl.create_default_context(cafile=f"{pki}/ca.crt")
    outwards.load_cert_chain(f"{pki}/admin.crt", f"{pki}/admin.key")
    inwards = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inwards.load_cert_chain(f"{pki}/server.crt", f"{pki}/server.key")
    return Proxy(lambda: http.client.HTTPSConnection("127.0.0.1", port, context=outwards),
                 seed, tls=inwards)


def prometheus_proxy(port, seed):
    return Proxy(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=10), seed,
                 keep_last=True)


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise SystemExit(f"reeve: {what}: not within {seconds} s")
