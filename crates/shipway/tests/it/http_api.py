"""An HTTP API for the tour of Tasks: shows what it was sent, or answers with the status that the path names. Prints where
it listens."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        last = self.path.split("?")[0].rsplit("/", 1)[-1]
        status = int(last) if last.isdigit() else 200
        if last == "token":
            shown = {"access_token": "t-1"}
        else:
            shown = {"method": self.command, "path": self.path, "body": body.decode(),
                     "headers": {name.lower(): value for name, value in self.headers.items()}}
        shown = json.dumps(shown).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(shown)))
        self.end_headers()
        self.wfile.write(shown)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
