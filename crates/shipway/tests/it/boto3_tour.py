"""A tour of every Step Functions action with boto3, which checks each answer's form. Prints what was called."""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/tour"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 900, "End": True}}}
FAIL = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}}

config = Config(inject_host_prefix=False, retries={"max_attempts": 1})
client = boto3.client(
    "stepfunctions",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",
    config=config,
)
called = set()
client.meta.events.register(
    "before-call.stepfunctions", lambda model, **_: called.add(model.name)
)


def check(condition, what):
    if not condition:
        raise SystemExit(f"not so: {what}")


def refused(code, call, **request):
    try:
        answer = call(**request)
    except ClientError as error:
        check(error.response["Error"]["Code"] == code, f"{code}: {error}")
        check(error.response["ResponseMetadata"]["RequestId"], "a request id")
        return error.response["Error"]["Message"]
    raise SystemExit(f"{code} was expected, not {answer}")


def machine(name, definition, **more):
    definition = json.dumps(definition)
    return client.create_state_machine(name=name, definition=definition, roleArn=ROLE, **more)["stateMachineArn"]


def ended(execution):
    for _ in range(500):
        answer = client.describe_execution(executionArn=execution)
        if answer["status"] != "RUNNING":
            return answer
        time.sleep(0.01)
    raise SystemExit(f"{execution} does not end")


def machines_and_executions():
    arn = machine("tour", PASS, tags=[{"key": "a", "value": "1"}])
    check(machine("tour", PASS) == arn, "the same call gives the same machine")
    refused("StateMachineAlreadyExists", machine, name="tour", definition=WAIT)
    refused("InvalidDefinition", machine, name="bad", definition={"StartAt": "A"})
    refused("InvalidName", machine, name="a b", definition=PASS)
    answer = client.describe_state_machine(stateMachineArn=arn)
    check(json.loads(answer["definition"]) == PASS and answer["type"] == "STANDARD", answer)
    check(answer["creationDate"].year >= 2024, "a date")
    check(arn in [one["stateMachineArn"] for one in client.list_state_machines()["stateMachines"]], "listed")
    validated = client.validate_state_machine_definition(definition=json.dumps(PASS))
    check(validated["result"] == "OK", validated)

    started = client.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    answer = ended(started["executionArn"])
    check((answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"a": 1}), answer)
    check(answer["stopDate"] >= answer["startDate"], "dates in order")
    refused("ExecutionAlreadyExists", client.start_execution, stateMachineArn=arn, name="one", input="{}")
    refused("InvalidExecutionInput", client.start_execution, stateMachineArn=arn, input="{")
    of = client.describe_state_machine_for_execution(executionArn=started["executionArn"])
    check(of["stateMachineArn"] == arn, of)
    paginator = client.get_paginator("get_execution_history")
    for reverse in (False, True):
        pages = paginator.paginate(
            executionArn=started["executionArn"], reverseOrder=reverse, PaginationConfig={"PageSize": 1}
        )
        ids = [event["id"] for page in pages for event in page["events"]]
        check(ids == sorted(ids, reverse=reverse) and len(ids) == 4, ids)
    refused("ExecutionNotRedrivable", client.redrive_execution, executionArn=started["executionArn"])
    check(client.list_map_runs(executionArn=started["executionArn"])["mapRuns"] == [], "no Map Runs")
    map_run = arn.replace("stateMachine:", "mapRun:") + "/label:00000000-0000-4000-8000-000000000000"
    refused("ResourceNotFound", client.describe_map_run, mapRunArn=map_run)
    refused("ResourceNotFound", client.update_map_run, mapRunArn=map_run, maxConcurrency=1)

    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(WAIT))
    stopped = client.start_execution(stateMachineArn=arn)["executionArn"]
    running = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    check([one["executionArn"] for one in running] == [stopped], running)
    client.stop_execution(executionArn=stopped, error="E", cause="C")
    answer = ended(stopped)
    check((answer["status"], answer["error"], answer["cause"]) == ("ABORTED", "E", "C"), answer)
    check((answer["redriveStatus"], answer["redriveCount"]) == ("REDRIVABLE", 0), answer)
    redriven = client.redrive_execution(executionArn=stopped, clientToken="tour")
    again = client.describe_execution(executionArn=stopped)
    check((again["status"], again["redriveCount"]) == ("RUNNING", 1) and "stopDate" not in again, again)
    check(again["redriveDate"] == redriven["redriveDate"], again)
    kinds = [event["type"] for event in client.get_execution_history(executionArn=stopped)["events"]]
    check(kinds[-1] == "ExecutionRedriven" and kinds.count("WaitStateEntered") == 1, kinds)
    client.stop_execution(executionArn=stopped)
    failed = ended(client.start_execution(stateMachineArn=machine("fails", FAIL))["executionArn"])
    check((failed["status"], failed["error"]) == ("FAILED", "Broken"), failed)
    return arn


def versions_aliases_tags(arn):
    version = client.publish_state_machine_version(stateMachineArn=arn, description="first")
    version = version["stateMachineVersionArn"]
    routes = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = client.create_state_machine_alias(name="live", routingConfiguration=routes)["stateMachineAliasArn"]
    check(client.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"] == routes, routes)
    client.update_state_machine_alias(stateMachineAliasArn=alias, description="changed")
    check(len(client.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]) == 1, "one alias")
    check(len(client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]) == 1, "one version")
    run = client.start_execution(stateMachineArn=alias)["executionArn"]
    check(client.describe_execution(executionArn=run)["stateMachineAliasArn"] == alias, "started by alias")
    client.stop_execution(executionArn=run)
    refused("ConflictException", client.delete_state_machine_version, stateMachineVersionArn=version)
    client.delete_state_machine_alias(stateMachineAliasArn=alias)
    client.delete_state_machine_version(stateMachineVersionArn=version)
    client.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    tags = client.list_tags_for_resource(resourceArn=arn)["tags"]
    check(tags == [{"key": "b", "value": "2"}], tags)


def activities():
    activity = client.create_activity(name="tour")["activityArn"]
    check(client.describe_activity(activityArn=activity)["name"] == "tour", "described")
    check(len(client.list_activities()["activities"]) == 1, "listed")
    task = {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 60, "End": True}
    arn = machine("works", {"StartAt": "A", "States": {"A": task}})
    for outcome in ("SUCCEEDED", "FAILED"):
        run = client.start_execution(stateMachineArn=arn, input='{"x": 1}')["executionArn"]
        work = client.get_activity_task(activityArn=activity, workerName="tour")
        check(json.loads(work["input"]) == {"x": 1}, work)
        token = work["taskToken"]
        client.send_task_heartbeat(taskToken=token)
        if outcome == "SUCCEEDED":
            client.send_task_success(taskToken=token, output='{"y": 2}')
        else:
            client.send_task_failure(taskToken=token, error="E", cause="C")
        answer = ended(run)
        check(answer["status"] == outcome, answer)
        refused("TaskTimedOut", client.send_task_success, taskToken=token, output="1")
    client.delete_activity(activityArn=activity)
    refused("ActivityDoesNotExist", client.describe_activity, activityArn=activity)


def express_and_test_state():
    arn = machine("express", PASS, type="EXPRESS")
    answer = client.start_sync_execution(stateMachineArn=arn, input='{"a": 1}')
    check((answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"a": 1}), answer)
    check(answer["billingDetails"]["billedDurationInMilliseconds"] >= 100, answer)
    refused("StateMachineTypeNotSupported", client.list_executions, stateMachineArn=arn)
    state = json.dumps({"Type": "Pass", "Result": 1, "Next": "B"})
    answer = client.test_state(definition=state, roleArn=ROLE)
    check((answer["status"], answer["nextState"]) == ("SUCCEEDED", "B"), answer)
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:kms:encrypt", "Parameters": {}, "End": True}
    mock = {"result": json.dumps({"CiphertextBlob": 123})}
    message = refused("ValidationException", client.test_state, definition=json.dumps(task), roleArn=ROLE, mock=mock)
    check("'CiphertextBlob' must be a string" in message, message)
    client.delete_state_machine(stateMachineArn=arn)
    refused("StateMachineDoesNotExist", client.describe_state_machine, stateMachineArn=arn)


versions_aliases_tags(machines_and_executions())
activities()
express_and_test_state()
missed = set(client.meta.service_model.operation_names) - called
check(not missed, f"all actions were called, but {sorted(missed)}")
print(len(called))
