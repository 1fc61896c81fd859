"""Lambda's Invoke API over functions of this file: what a Task that names a function calls. Prints its address."""

import json
import re
import traceback
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Oops(Exception):
    pass


def fail(event):
    raise Oops("it went wrong")


FUNCTIONS = {
    "echo": lambda event: event,
    "greet": lambda event: f"hello {event['name']}",
    "fail": fail,
}


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", self.path)
        name = unquote(path[1])
        function = FUNCTIONS.get(re.sub(r"^arn:aws:lambda:[^:]*:[0-9]*:function:", "", name))
        if function is None:
            self.answer(404, {"Type": "User", "Message": f"Function not found: {name}"},
                        {"X-Amzn-ErrorType": "ResourceNotFoundException"})
            return
        try:
            self.answer(200, function(json.loads(body)), {"X-Amz-Executed-Version": "$LATEST"})
        except Exception as error:
            told = {"errorMessage": str(error), "errorType": type(error).__name__,
                    "stackTrace": traceback.format_tb(error.__traceback__)}
            self.answer(200, told, {"X-Amz-Executed-Version": "$LATEST", "X-Amz-Function-Error": "Unhandled"})

    def answer(self, status, body, headers):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
