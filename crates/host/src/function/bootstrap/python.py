"""Runs a Python handler: asks the Lambda Runtime API for calls, one after the other, and answers them."""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback

API = "/2018-06-01/runtime"
CONTENT = {"Content-Type": "application/json"}


class Fault(Exception):
    """An error of the runtime's own, with Lambda's name."""

    def __init__(self, name, message, trace=()):
        super().__init__(message)
        self.name = name
        self.trace = list(trace)


class Connection:
    """One connection to the Runtime API, opened again when it broke."""

    def __init__(self, address):
        self.address = address
        self.http = http.client.HTTPConnection(address)

    def ask(self, method, path, body=None, headers=CONTENT):
        try:
            self.http.request(method, API + path, body, headers)
            response = self.http.getresponse()
            return response, response.read()
        except Exception:
            self.http.close()
            raise


class Identity:
    """Who called through Cognito; nobody does here."""

    def __init__(self):
        self.cognito_identity_id = None
        self.cognito_identity_pool_id = None


class Client:
    """The application that a mobile client tells of itself."""

    def __init__(self, told):
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self, name, told.get(name))


class ClientContext:
    """What the caller tells of itself."""

    def __init__(self, told):
        self.custom = told.get("custom")
        self.env = told.get("env")
        self.client = Client(told["client"]) if isinstance(told.get("client"), dict) else None


class Context:
    """What the handler is told of its call."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = Identity()
        told = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = ClientContext(json.loads(told)) if told else None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class LogHandler(logging.Handler):
    """Writes records as Lambda's Python runtime does."""

    request_id = ""

    def emit(self, record):
        sys.stdout.write(self.format(record) + "\n")


class LogFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = LogHandler.request_id
        return True


def set_up_logging():
    form = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                             "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler = LogHandler()
    handler.setFormatter(form)
    handler.addFilter(LogFilter())
    logging.getLogger().addHandler(handler)


def to_json(value):
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {value.__class__.__name__} is not JSON serializable")


def load(handler):
    module_name, dot, name = handler.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName",
                    f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace)
    try:
        return getattr(module, name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'")


def told(error, request_id):
    if isinstance(error, Fault):
        name, trace = error.name, error.trace
    else:
        name = type(error).__name__
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
        trace = traceback.format_list([(frame.filename, frame.lineno, frame.name, frame.line) for frame in frames])
    return {"errorMessage": str(error), "errorType": name, "requestId": request_id, "stackTrace": trace}


def report(error):
    """Writes an error into the log as Lambda shows it."""
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
    if error["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines.extend(line.rstrip("\n") for line in error["stackTrace"])
    print("\n".join(lines), flush=True)


def fail(connection, path, error):
    report(error)
    headers = {**CONTENT, "Lambda-Runtime-Function-Error-Type": error["errorType"]}
    connection.ask("POST", path, json.dumps(error), headers)


def answer(handler, event, context):
    try:
        event = json.loads(event)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")
    result = handler(event, context)
    try:
        return json.dumps(result, default=to_json, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}")


def serve_one(connection, handler):
    response, event = connection.ask("GET", "/invocation/next", headers={})
    if response.status != 200:
        sys.exit(0)
    headers = response.headers
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    LogHandler.request_id = request_id
    trace = headers.get("Lambda-Runtime-Trace-Id")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    try:
        result = answer(handler, event, Context(headers))
    except Exception as error:
        fail(connection, f"/invocation/{request_id}/error", told(error, request_id))
        return
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    connection.ask("POST", f"/invocation/{request_id}/response", result.encode())


def main():
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    sys.stdout.reconfigure(line_buffering=True)
    connection = Connection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    set_up_logging()
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        fail(connection, "/init/error", told(error, ""))
        sys.exit(1)
    while True:
        serve_one(connection, handler)


main()
