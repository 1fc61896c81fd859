"""Functions that the tour calls."""

import json
import os
import threading

calls = 0


class Oops(Exception):
    pass


def greet(event, context):
    global calls
    calls += 1
    print("greeting", event.get("name"))
    return {"hello": event.get("name"), "arn": context.invoked_function_arn}


def flaky(event, context):
    """Fails twice, and then no more; processes come and go, so it counts in a file."""
    with open(event["file"], "a+") as file:
        file.write("x")
        file.flush()
        file.seek(0)
        tries = len(file.read())
    if tries < 3:
        raise Oops(f"try {tries}")
    return tries


def fail(event, context):
    raise Oops("it went wrong")


def slow(event, context):
    threading.Event().wait()


def crash(event, context):
    os._exit(3)


def token(event, context):
    """Sends the token back itself, by the address that the server told it."""
    import boto3

    states = boto3.client("stepfunctions", aws_access_key_id="any", aws_secret_access_key="any")
    states.send_task_success(taskToken=event["token"], output=json.dumps({"was": event["word"]}))


def big(event, context):
    return "x" * event
