"""Tasks that call services, by the unchanged boto3: states run on the server given, services are moto and a function's
endpoint. Prints how many states ran."""

import json
import sys
import time

import boto3

server, moto = sys.argv[1:3]
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
states = boto3.client("stepfunctions", endpoint_url=server, **KEYS)
service = lambda name: boto3.client(name, endpoint_url=moto, **KEYS)
sqs, sns, dynamodb, events = service("sqs"), service("sns"), service("dynamodb"), service("events")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
count = 0


def begin(state, value=None):
    global count
    count += 1
    definition = {"StartAt": "S", "States": {"S": {"Type": "Task", "End": True, **state}}}
    machine = states.create_state_machine(
        name=f"m{count}", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r")
    arn = states.start_execution(
        stateMachineArn=machine["stateMachineArn"], input=json.dumps(value or {}))["executionArn"]
    return machine["stateMachineArn"], arn


def end(arn):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = states.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return found
    raise AssertionError(f"{arn} does not end")


def run(resource, parameters, value=None):
    prefix = "" if resource.startswith("arn:") else "arn:aws:states:::"
    _, arn = begin({"Resource": prefix + resource, "Parameters": parameters}, value)
    return end(arn)


def good(resource, parameters, value=None):
    found = run(resource, parameters, value)
    assert found["status"] == "SUCCEEDED", found
    return json.loads(found["output"])


def bad(resource, parameters, error, cause):
    found = run(resource, parameters)
    assert found["status"] == "FAILED" and found["error"] == error, found
    assert cause in found["cause"], found


# Functions.
assert good(FUNCTION + "greet", {"name": "Ada"}) == "hello Ada"
invoked = good("lambda:invoke", {"FunctionName": FUNCTION + "echo", "Payload": {"a": [1, 0.0, None]}})
assert invoked["Payload"] == {"a": [1, 0.0, None]} and invoked["StatusCode"] == 200, invoked
assert invoked["ExecutedVersion"] == "$LATEST", invoked
assert list(invoked) == ["ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"], invoked
http = invoked["SdkHttpMetadata"]
assert http["HttpStatusCode"] == 200 and http["HttpHeaders"]["Content-Type"] == "application/json", http
assert http["AllHttpHeaders"]["x-amzn-RequestId"] == [invoked["SdkResponseMetadata"]["RequestId"]], http
assert good("lambda:invoke", {"FunctionName": "echo", "Payload": "text"})["Payload"] == "text"
assert good("lambda:invoke", {"FunctionName": "echo"})["Payload"] == {}
bad(FUNCTION + "fail", {}, "Oops", '"errorMessage": "it went wrong"')
bad("lambda:invoke", {"FunctionName": "fail"}, "Oops", '"errorType": "Oops"')
bad("lambda:invoke", {"FunctionName": "none"}, "Lambda.ResourceNotFoundException",
    "Function not found: none (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: ")

# Queues, and a token that comes back.
queue = sqs.create_queue(QueueName="q")["QueueUrl"]
sent = good("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"a": 1}})
assert sent["MessageId"] and sent["MD5OfMessageBody"] and sent["SdkHttpMetadata"]["HttpStatusCode"] == 200, sent
assert json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]) == {"a": 1}
sqs.purge_queue(QueueUrl=queue)
_, waiting = begin({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                    "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}}})
message = None
until = time.monotonic() + 60
while message is None and time.monotonic() < until:
    message = next(iter(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])), None)
states.send_task_success(taskToken=json.loads(message["Body"])["token"], output='{"done": true}')
assert json.loads(end(waiting)["output"]) == {"done": True}
types = [event["type"] for event in states.get_execution_history(executionArn=waiting)["events"]]
assert types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"], types
bad("sqs:sendMessage", {"QueueUrl": "none", "MessageBody": "m"}, "SQS.SdkClientException", "none: Name or service not known")
bad("sqs:sendMessage", {"QueueUrl": queue + "none", "MessageBody": "m"}, "SQS.QueueDoesNotExistException",
    "(Service: AmazonSQS; Status Code: 400; Error Code: ")

# Topics, tables, events.
topic = sns.create_topic(Name="t")["TopicArn"]
assert good("sns:publish", {"TopicArn": topic, "Message": {"a": 1}})["MessageId"]
bad("sns:publish", {"TopicArn": topic + "none", "Message": "m"}, "SNS.NotFoundException", "(Service: AmazonSNS; Status Code: 404;")
dynamodb.create_table(TableName="t", BillingMode="PAY_PER_REQUEST",
                      KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                      AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
key = {"id": {"S": "1"}}
put = good("dynamodb:putItem", {"TableName": "t", "Item": {**key, "b": {"BOOL": True}}})
assert list(put) == ["SdkHttpMetadata", "SdkResponseMetadata"], put
good("dynamodb:updateItem", {"TableName": "t", "Key": key, "UpdateExpression": "SET n = :n",
                             "ExpressionAttributeValues": {":n": {"N": "2"}}})
got = good("dynamodb:getItem", {"TableName": "t", "Key": key})
assert got["Item"] == {**key, "b": {"BOOL": True}, "n": {"N": "2"}}, got
good("dynamodb:deleteItem", {"TableName": "t", "Key": key})
assert good("aws-sdk:dynamodb:getItem", {"TableName": "t", "Key": key}) == {}
bad("dynamodb:getItem", {"TableName": "none", "Key": key}, "DynamoDB.ResourceNotFoundException",
    "(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: ")
put = good("events:putEvents", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": {"a": 1}}]})
assert list(put) == ["Entries", "FailedEntryCount"] and put["Entries"][0]["EventId"], put
assert good("aws-sdk:s3:listBuckets", {})["Buckets"] == []
bad("aws-sdk:s3:getObject", {"Bucket": "none", "Key": "k"}, "S3.NoSuchBucketException", "(Service: S3, Status Code: 404, Request ID: ")

# Maps that read from a bucket and write to one.
s3 = service("s3")
s3.create_bucket(Bucket="data")
s3.put_object(Bucket="data", Key="in.csv", Body="name,n\nAda,1\nBob,2\n")
WORK = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}}}


def map_run(key, **fields):
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "data", "Key": key},
              "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}}
    _, arn = begin({"Type": "Map", "ItemReader": reader, "ItemProcessor": WORK, **fields})
    return end(arn)


assert json.loads(map_run("in.csv")["output"]) == [{"name": "Ada", "n": "1"}, {"name": "Bob", "n": "2"}]
writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data", "Prefix": "out"}}
details = json.loads(map_run("in.csv", ResultWriter=writer)["output"])["ResultWriterDetails"]
manifest = json.loads(s3.get_object(Bucket="data", Key=details["Key"])["Body"].read())
written = json.loads(s3.get_object(Bucket="data", Key=manifest["ResultFiles"]["SUCCEEDED"][0]["Key"])["Body"].read())
assert [json.loads(child["Output"])["name"] for child in written] == ["Ada", "Bob"], written
failed = map_run("none.csv")
assert failed["error"] == "States.ItemReaderFailed", failed
assert failed["cause"].startswith("The specified key does not exist. (Service: S3, Status Code: 404, "), failed
writer["Parameters"]["Bucket"] = "none"
assert map_run("in.csv", ResultWriter=writer)["error"] == "States.ResultWriterFailed"

# Executions of the same server.
child, _ = begin({"Resource": FUNCTION + "greet", "Parameters": {"name.$": "$.name"}}, {"name": "x"})
nested = good("states:startExecution.sync:2", {"StateMachineArn": child, "Input": {"name": "Bob"}})
assert nested["Output"] == "hello Bob" and nested["Status"] == "SUCCEEDED", nested
print(count)
