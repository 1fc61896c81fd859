"""Functions of the server by Lambda's API and in state machines, with boto3. Prints `toured`."""

import base64
import json
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, folder = sys.argv[1:]
SETTINGS = dict(
    endpoint_url=url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
    config=Config(inject_host_prefix=False, retries={"max_attempts": 1}, read_timeout=120),
)
functions = boto3.client("lambda", **SETTINGS)
states = boto3.client("stepfunctions", **SETTINGS)
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def same(got, expected):
    if got != expected:
        raise SystemExit(f"{expected!r} was expected, not {got!r}")


def refused(code, words, **call):
    try:
        functions.invoke(**call)
    except ClientError as error:
        same(error.response["Error"]["Code"], code)
        same(words in error.response["Error"]["Message"], True)
        return
    raise SystemExit(f"{code} was expected")


# Lambda's API.
for name in ("greet", ARN + "greet", "greet:$LATEST", "000000000000:function:greet"):
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"name": "Ada"}), LogType="Tail")
    same((answer["StatusCode"], answer["ExecutedVersion"], "FunctionError" in answer), (200, "$LATEST", False))
    same(json.load(answer["Payload"])["hello"], "Ada")
    log = base64.b64decode(answer["LogResult"]).decode()
    same("greeting Ada\n" in log and log.startswith("START RequestId: "), True)
answer = functions.invoke(FunctionName="greet", Qualifier="prod")
same(json.load(answer["Payload"]), {"hello": None, "arn": ARN + "greet:prod"})
answer = functions.invoke(FunctionName="fail", Payload="{}")
same(answer["FunctionError"], "Unhandled")
same(json.load(answer["Payload"])["errorType"], "Oops")
same(functions.invoke(FunctionName="greet", InvocationType="DryRun")["StatusCode"], 204)
counter = os.path.join(folder, "event")
event = functions.invoke(FunctionName="flaky", InvocationType="Event", Payload=json.dumps({"file": counter}))
same((event["StatusCode"], event["Payload"].read()), (202, b""))
refused("ResourceNotFoundException", f"Function not found: {ARN}none", FunctionName="none")
refused("InvalidRequestContentException", "Could not parse request body into json", FunctionName="greet", Payload="{")
refused("RequestTooLargeException", "limit 6291456 bytes", FunctionName="greet", Payload='"' + "x" * 6291456 + '"')
same({found["FunctionName"] for found in functions.list_functions()["Functions"]} >= {"greet", "fail"}, True)
shown = functions.get_function(FunctionName="greet")["Configuration"]
same((shown["FunctionArn"], shown["Handler"], shown["Timeout"]), (ARN + "greet", "app.greet", 60))
same("Environment" in shown, False)
answer = functions.invoke(FunctionName="big", Payload=str(6291556 - 1))
same(json.load(answer["Payload"])["errorType"], "Function.ResponseSizeTooLarge")

# State machines.
count = 0


def run(definition, input="{}"):
    global count
    count += 1
    arn = states.create_state_machine(
        name=f"m{count}", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r")["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=arn, input=input)["executionArn"]
    while (told := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.02)
    return told


def task(resource, **more):
    return {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": resource, "End": True, **more}}}


done = run(task(ARN + "greet:prod"), '{"name": "Bo"}')
same(json.loads(done["output"]), {"hello": "Bo", "arn": ARN + "greet:prod"})
retry = [{"ErrorEquals": ["Oops"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 3}]
done = run(task(ARN + "flaky", Retry=retry), json.dumps({"file": os.path.join(folder, "retried")}))
same((done["status"], done["output"]), ("SUCCEEDED", "3"))
done = run(task("arn:aws:states:::lambda:invoke", Parameters={"FunctionName": "greet", "Payload": {"name": "Cy"}}))
output = json.loads(done["output"])
same((output["Payload"]["hello"], output["StatusCode"], output["ExecutedVersion"]), ("Cy", 200, "$LATEST"))
same(output["SdkHttpMetadata"]["HttpStatusCode"], 200)
same(output["SdkHttpMetadata"]["HttpHeaders"]["x-amzn-RequestId"], output["SdkResponseMetadata"]["RequestId"])
parameters = {"FunctionName": "fail"}
for resource in (ARN + "fail", "arn:aws:states:::lambda:invoke"):
    failed = run(task(resource, **({"Parameters": parameters} if "invoke" in resource else {})))
    same((failed["status"], failed["error"]), ("FAILED", "Oops"))
    same(json.loads(failed["cause"])["errorMessage"], "it went wrong")
for name, error in (("slow", "Sandbox.Timedout"), ("crash", "Runtime.ExitError")):
    same(run(task(ARN + name))["error"], error)
sdk = run(task("arn:aws:states:::aws-sdk:lambda:invoke", Parameters={"FunctionName": "fail", "Payload": {}}))
same(json.loads(sdk["output"])["FunctionError"], "Unhandled")
wait = run(task("arn:aws:states:::lambda:invoke.waitForTaskToken", TimeoutSeconds=60, Parameters={
    "FunctionName": "token", "Payload": {"word": "kept", "token.$": "$$.Task.Token"}}))
same((wait["status"], json.loads(wait.get("output", "null"))), ("SUCCEEDED", {"was": "kept"}))
nowhere = run(task(ARN + "none"))
same((nowhere["error"], "--endpoint" in nowhere["cause"]), ("States.TaskFailed", True))
print("toured")
