"""A fixed local address for something whose address is known only after deployment.

The functions must be told the public address of the HTTP API while they are being created, but the emulated API gets
its id then. So a port is chosen first, the functions are given `http://127.0.0.1:<port>`, and this proxy passes what
arrives there on to the emulator under the host name by which the emulator knows the API (or the CDN).

It must stay transparent: method, path, query, headers and body go through byte for byte, or signatures would not match.
"""

import http.client
import http.server
import socket
import threading

HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}


class FrontDoor:
    """A listening port; everything answers 503 until `lead_to` has said where requests go."""

    def __init__(self) -> None:
        self._target: tuple[str, int, str] | None = None
        self._extra: dict[str, str] = {}
        self._local = threading.local()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def lead_to(self, host: str, port: int, virtual_host: str, extra: dict[str, str] | None = None) -> None:
        """Requests go to host:port with `virtual_host` as their Host header and the `extra` headers added."""
        self._extra = extra or {}
        self._target = (host, port, virtual_host)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _connection(self, host: str, port: int) -> http.client.HTTPConnection:
        kept = getattr(self._local, "connection", None)
        if kept is None:
            kept = http.client.HTTPConnection(host, port, timeout=60)
            kept.connect()
            kept.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._local.connection = kept
        return kept

    def _drop_connection(self) -> None:
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            kept.close()
            self._local.connection = None

    def _forward(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes):
        """One request to the emulator. A kept connection that the other side has closed is opened again, once."""
        host, port, virtual_host = self._target
        for attempt in (1, 2):
            fresh = getattr(self._local, "connection", None) is None
            try:
                connection = self._connection(host, port)
                connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
                connection.putheader("Host", virtual_host)
                for name, value in [*headers, *self._extra.items()]:
                    connection.putheader(name, value)
                connection.endheaders(body or None)
                response = connection.getresponse()
                return response.status, response.getheaders(), response.read()
            except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
                self._drop_connection()
                if fresh or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # status, headers and body leave together

            def answer(self) -> None:
                body = self.body()
                if door._target is None:
                    return self.reply(503, [], b"not deployed yet")
                sent = [(n, v) for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP | {"host", "content-length"}]
                if body or self.command in ("POST", "PUT", "PATCH"):
                    sent.append(("Content-Length", str(len(body))))
                try:
                    status, headers, payload = door._forward(self.command, self.path, sent, body)
                except OSError as error:
                    return self.reply(502, [], f"emulator: {error}".encode())
                self.reply(status, headers, payload)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

            def body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                    return self.chunked_body()
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def chunked_body(self) -> bytes:
                chunks = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(chunks)

            def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in HOP_BY_HOP | {"content-length"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                """Paths and callers are not written anywhere."""

        return Handler


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""
