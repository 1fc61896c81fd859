"""A tour of every Step Functions action with the AWS CLI as it is. Prints how many actions were called."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

url, folder = sys.argv[1], pathlib.Path(tempfile.mkdtemp())
ROLE = "arn:aws:iam::000000000000:role/tour"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 900, "End": True}}}
ITEMS = {
    "StartAt": "M",
    "States": {
        "M": {
            "Type": "Map",
            "Label": "each",
            "End": True,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PASS},
        }
    },
}
environment = {
    "PATH": os.environ["PATH"],
    "HOME": str(folder),
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    # The name with the prefix `sync-` resolves only where somebody has made it resolve.
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    "AWS_PAGER": "",
    "AWS_MAX_ATTEMPTS": "1",
}
called = set()


def run(action, *words, **members):
    called.add(action)
    options = []
    for name, value in members.items():
        text = value if isinstance(value, str) else json.dumps(value)
        options += ["--" + name.replace("_", "-"), text]
    command = [str(pathlib.Path(sys.executable).parent / "aws"), "--endpoint-url", url, "--output", "json"]
    return subprocess.run(
        [*command, "stepfunctions", action, *words, *options], env=environment, capture_output=True, text=True
    )


def aws(action, *words, **members):
    ran = run(action, *words, **members)
    if ran.returncode != 0:
        raise SystemExit(f"{action} {words} {members}: {ran.stderr}")
    return json.loads(ran.stdout) if ran.stdout.strip() else {}


def refused(code, action, **members):
    ran = run(action, **members)
    check(ran.returncode != 0 and f"({code})" in ran.stderr, f"{action} is refused with {code}: {ran.stderr}")


def check(condition, what):
    if not condition:
        raise SystemExit(f"not so: {what}")


def machine(name, definition, **more):
    made = aws("create-state-machine", name=name, definition=json.dumps(definition), role_arn=ROLE, **more)
    return made["stateMachineArn"]


def ended(execution):
    for _ in range(100):
        found = aws("describe-execution", execution_arn=execution)
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.1)
    raise SystemExit(f"{execution} does not end")


def machines_and_executions():
    arn = machine("tour", PASS, tags="key=a,value=1")
    check(aws("describe-state-machine", state_machine_arn=arn)["status"] == "ACTIVE", "active")
    aws("update-state-machine", state_machine_arn=arn, definition=json.dumps(PASS), role_arn=ROLE + "2")
    check(aws("validate-state-machine-definition", definition=json.dumps(PASS))["result"] == "OK", "valid")
    skeleton = folder / "start.json"
    for number in range(3):
        skeleton.write_text(json.dumps({"stateMachineArn": arn, "name": f"n{number}", "input": '{"a": "é"}'}))
        run_arn = aws("start-execution", "--cli-input-json", f"file://{skeleton}")["executionArn"]
        check(json.loads(ended(run_arn)["output"]) == {"a": "é"}, "the output")
    listed = aws("list-executions", state_machine_arn=arn, page_size="1")["executions"]
    check(len(listed) == 3, f"all pages: {listed}")
    first = aws("list-executions", state_machine_arn=arn, max_items="2")
    rest = aws("list-executions", state_machine_arn=arn, starting_token=first["NextToken"])
    check(len(first["executions"]) + len(rest["executions"]) == 3, "the rest of the pages")
    events = aws("get-execution-history", "--reverse-order", execution_arn=run_arn, page_size="1")["events"]
    check([event["id"] for event in events] == [4, 3, 2, 1], events)
    check(aws("describe-state-machine-for-execution", execution_arn=run_arn)["stateMachineArn"] == arn, "its machine")
    refused("ExecutionAlreadyExists", "start-execution", state_machine_arn=arn, name="n0", input="{}")
    refused("ExecutionNotRedrivable", "redrive-execution", execution_arn=run_arn)
    waits = aws("start-execution", state_machine_arn=machine("waits", WAIT))["executionArn"]
    aws("stop-execution", execution_arn=waits, error="E", cause="C")
    check(ended(waits)["status"] == "ABORTED", "stopped")
    names = aws("list-state-machines", page_size="1", query="stateMachines[].name")
    check(names == ["tour", "waits"], names)
    return arn


def versions_aliases_tags(arn):
    version = aws("publish-state-machine-version", state_machine_arn=arn)["stateMachineVersionArn"]
    routes = f"stateMachineVersionArn={version},weight=100"
    alias = aws("create-state-machine-alias", name="live", routing_configuration=routes)["stateMachineAliasArn"]
    aws("update-state-machine-alias", state_machine_alias_arn=alias, description="changed")
    check(aws("describe-state-machine-alias", state_machine_alias_arn=alias)["description"] == "changed", "changed")
    check(len(aws("list-state-machine-aliases", state_machine_arn=arn)["stateMachineAliases"]) == 1, "one alias")
    check(len(aws("list-state-machine-versions", state_machine_arn=arn)["stateMachineVersions"]) == 1, "one version")
    aws("delete-state-machine-alias", state_machine_alias_arn=alias)
    aws("delete-state-machine-version", state_machine_version_arn=version)
    aws("tag-resource", resource_arn=arn, tags="key=b,value=2")
    aws("untag-resource", resource_arn=arn, tag_keys="a")
    check(aws("list-tags-for-resource", resource_arn=arn)["tags"] == [{"key": "b", "value": "2"}], "tags")


def map_runs():
    run_arn = aws("start-execution", state_machine_arn=machine("maps", ITEMS), input="[1, 2, 3]")["executionArn"]
    check(ended(run_arn)["status"] == "SUCCEEDED", "the Map has run")
    [run_of] = aws("list-map-runs", execution_arn=run_arn)["mapRuns"]
    map_run = run_of["mapRunArn"]
    check(aws("describe-map-run", map_run_arn=map_run)["itemCounts"]["succeeded"] == 3, "all items")
    children = aws("list-executions", map_run_arn=map_run, status_filter="SUCCEEDED")["executions"]
    check(len(children) == 3, children)
    of = aws("describe-state-machine-for-execution", execution_arn=children[0]["executionArn"])
    check((of["mapRunArn"], of["label"]) == (map_run, "each"), of)
    check(json.loads(of["definition"])["StartAt"] == "A", of)
    refused("ValidationException", "update-map-run", map_run_arn=map_run, max_concurrency="1")


def activities():
    activity = aws("create-activity", name="tour")["activityArn"]
    check(aws("describe-activity", activity_arn=activity)["name"] == "tour", "described")
    check(len(aws("list-activities")["activities"]) == 1, "listed")
    task = {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 600, "End": True}
    arn = machine("works", {"StartAt": "A", "States": {"A": task}})
    for answer, status in [("success", "SUCCEEDED"), ("failure", "FAILED")]:
        run_arn = aws("start-execution", state_machine_arn=arn)["executionArn"]
        token = aws("get-activity-task", activity_arn=activity, worker_name="tour")["taskToken"]
        aws("send-task-heartbeat", task_token=token)
        more = {"task_output": "1"} if answer == "success" else {"error": "E", "cause": "C"}
        aws(f"send-task-{answer}", task_token=token, **more)
        check(ended(run_arn)["status"] == status, status)
    aws("delete-activity", activity_arn=activity)


def express_and_test_state():
    arn = machine("express", PASS, type="EXPRESS")
    answer = aws("start-sync-execution", state_machine_arn=arn, input='{"a": 1}')
    check((answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"a": 1}), answer)
    state = json.dumps({"Type": "Pass", "Result": 1, "Next": "B"})
    answer = aws("test-state", definition=state, role_arn=ROLE, inspection_level="DEBUG")
    check((answer["status"], answer["nextState"]) == ("SUCCEEDED", "B"), answer)
    aws("delete-state-machine", state_machine_arn=arn)
    refused("StateMachineDoesNotExist", "describe-state-machine", state_machine_arn=arn)


versions_aliases_tags(machines_and_executions())
map_runs()
activities()
express_and_test_state()
print(len(called))
