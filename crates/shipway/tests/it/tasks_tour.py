"""Tasks that call services, by the unchanged boto3: states run on the server given, services are moto and a function's
endpoint. Prints how many states ran."""

import json
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

server, moto, api = sys.argv[1:4]
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
states = boto3.client("stepfunctions", endpoint_url=server, **KEYS)
sync = boto3.client("stepfunctions", endpoint_url=server, config=Config(inject_host_prefix=False), **KEYS)
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


def wait_for(condition):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if condition():
            return
    raise AssertionError("it does not come")


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

# Jobs that are waited for.
glue, codebuild, s3 = service("glue"), service("codebuild"), service("s3")
ROLE = "arn:aws:iam::000000000000:role/r"
s3.create_bucket(Bucket="bucket")
glue.create_job(Name="j", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://bucket/s.py"})
job = good("glue:startJobRun.sync", {"JobName": "j", "Arguments": {"--a": "b"}})
assert job["JobRunState"] == "SUCCEEDED" and job["JobName"] == "j" and job["Arguments"] == {"--a": "b"}, job
bad("glue:startJobRun.sync", {"JobName": "none"}, "Glue.EntityNotFoundException", "(Service: AWSGlue; Status Code: 400;")
query = good("athena:startQueryExecution.sync", {"QueryString": "SELECT 1", "WorkGroup": "primary",
                                                 "ResultConfiguration": {"OutputLocation": "s3://bucket/o/"}})
assert query["QueryExecution"]["Status"]["State"] == "SUCCEEDED", query
good("athena:getQueryResults", {"QueryExecutionId": query["QueryExecution"]["QueryExecutionId"]})
codebuild.create_project(name="project", source={"type": "S3", "location": "bucket/k"}, artifacts={"type": "NO_ARTIFACTS"},
                         environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
                         serviceRole="arn:aws:iam::000000000000:role/service-role/r")
build = good("codebuild:startBuild.sync", {"ProjectName": "project"})["Build"]
assert build["BuildStatus"] == "SUCCEEDED" and build["ProjectName"] == "project", build
trained = good("sagemaker:createTrainingJob.sync", {
    "TrainingJobName": "t", "RoleArn": ROLE, "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/o"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}})
assert trained["TrainingJobStatus"] == "Completed" and trained["ModelArtifacts"]["S3ModelArtifacts"], trained
cluster = good("elasticmapreduce:createCluster.sync", {
    "Name": "c", "JobFlowRole": "r", "ServiceRole": "r", "ReleaseLabel": "emr-6.0.0",
    "Instances": {"InstanceCount": 2, "MasterInstanceType": "m5.large", "SlaveInstanceType": "m5.large",
                  "KeepJobFlowAliveWhenNoSteps": True}})
assert cluster["ClusterId"] == cluster["Cluster"]["Id"] and cluster["Cluster"]["Status"]["State"] == "WAITING", cluster
good("elasticmapreduce:setClusterTerminationProtection",
     {"ClusterId": cluster["ClusterId"], "TerminationProtected": False})
ended_cluster = good("elasticmapreduce:terminateCluster.sync", {"ClusterId": cluster["ClusterId"]})
assert ended_cluster["Cluster"]["Status"]["State"] == "TERMINATED", ended_cluster

# Tasks of containers: moto is told to let them go on, and one is left running to be stopped.
ecs, ec2 = service("ecs"), service("ec2")
request = urllib.request.Request(moto + "/moto-api/state-manager/set-transition", method="POST",
                                 data=json.dumps({"model_name": "ecs::task",
                                                  "transition": {"progression": "manual", "times": 2}}).encode())
urllib.request.urlopen(request).read()
ecs.create_cluster(clusterName="c")
ecs.register_task_definition(family="f", containerDefinitions=[{"name": "n", "image": "i", "memory": 64}],
                             requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512")
subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
container = {"Cluster": "c", "TaskDefinition": "f", "LaunchType": "FARGATE",
             "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [subnet], "SecurityGroups": []}}}
stopped = good("ecs:runTask.sync", container)
assert stopped["LastStatus"] == "STOPPED" and stopped["TaskArn"], stopped
data = json.dumps({"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1000000}}).encode()
urllib.request.urlopen(urllib.request.Request(request.full_url, method="POST", data=data)).read()
_, waiting = begin({"Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": container})
wait_for(lambda: any(event["type"] == "TaskSubmitted"
                     for event in states.get_execution_history(executionArn=waiting)["events"]))
states.stop_execution(executionArn=waiting)
wait_for(lambda: len(ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]) >= 1)

# HTTP APIs by connections.
connection = lambda name, kind, **auth: events.create_connection(
    Name=name, AuthorizationType=kind, AuthParameters=auth)["ConnectionArn"]
basic = connection("basic", "BASIC", BasicAuthParameters={"Username": "u", "Password": "p"},
                   InvocationHttpParameters={"QueryStringParameters": [{"Key": "from", "Value": "connection"}]})
key = connection("key", "API_KEY", ApiKeyAuthParameters={"ApiKeyName": "x-key", "ApiKeyValue": "k"})
oauth = connection("oauth", "OAUTH_CLIENT_CREDENTIALS", OAuthParameters={
    "AuthorizationEndpoint": api + "/token", "HttpMethod": "POST",
    "ClientParameters": {"ClientID": "i", "ClientSecret": "s"}})
for arn, header, value in [(basic, "authorization", "Basic dTpw"), (key, "x-key", "k"), (oauth, "authorization", "Bearer t-1")]:
    answered = good("http:invoke", {"ApiEndpoint": api + "/a", "Method": "POST", "RequestBody": {"n": [1, "x y"]},
                                    "QueryParameters": {"q": "1"}, "Authentication": {"ConnectionArn": arn},
                                    "Transform": {"RequestBodyEncoding": "URL_ENCODED",
                                                  "RequestEncodingOptions": {"ArrayFormat": "BRACKETS"}}})
    assert answered["StatusCode"] == 200 and answered["ResponseHeaders"]["content-type"] == ["application/json"], answered
    shown = answered["ResponseBody"]
    assert shown["headers"][header] == value and shown["body"] == "n[]=1&n[]=x+y", shown
call = {"Method": "GET", "Authentication": {"ConnectionArn": basic}}
bad("http:invoke", {**call, "ApiEndpoint": api + "/418"}, "States.Http.StatusCode.418", "I'm a teapot")
bad("http:invoke", {**call, "ApiEndpoint": "http://127.0.0.1:1/"}, "States.Http.Socket", "")
bad("http:invoke", {**call, "ApiEndpoint": "http://169.254.169.254/latest/"}, "States.Runtime", "address of the link")
state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True,
         "Parameters": {**call, "ApiEndpoint": api + "/a"}}
for reveal in (False, True):
    tested = sync.test_state(definition=json.dumps(state), roleArn=ROLE, inspectionLevel="TRACE", revealSecrets=reveal)
    request, response = tested["inspectionData"]["request"], tested["inspectionData"]["response"]
    assert ("Basic dTpw" in request["headers"]) == reveal and ("from=connection" in request["url"]) == reveal, request
    assert request["method"] == "GET" and response["statusCode"] == "200" and response["body"], (request, response)

# APIs behind API Gateway are expected where the operator says; here that is the same API.
gateway = good("apigateway:invoke", {"ApiEndpoint": "x.execute-api.us-east-1.amazonaws.com", "Method": "GET",
                                     "Stage": "prod", "Path": "pets", "AuthType": "IAM_ROLE"})
shown = gateway["ResponseBody"]
assert shown["path"] == "/prod/pets" and "/us-east-1/execute-api/" in shown["headers"]["authorization"], shown
assert shown["headers"]["host"] == "x.execute-api.us-east-1.amazonaws.com", shown

# This same server as a service.
started = good("aws-sdk:sfn:startExecution", {"StateMachineArn": child, "Input": {"name": "Eve"}})
described = end(started["ExecutionArn"])
assert described["output"] == '"hello Eve"', described
told = good("aws-sdk:sfn:describeExecution", {"ExecutionArn": started["ExecutionArn"]})
assert told["Status"] == "SUCCEEDED" and told["Output"] == '"hello Eve"' and told["StartDate"].endswith("Z"), told
bad("aws-sdk:sfn:describeExecution", {"ExecutionArn": started["ExecutionArn"] + "none"},
    "Sfn.ExecutionDoesNotExistException", "(Service: Sfn, Status Code: 400, Request ID: ")

# Another role.
_, arn = begin({"Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity", "Parameters": {},
                "Credentials": {"RoleArn": "arn:aws:iam::000000000000:role/other"}})
identity = json.loads(end(arn)["output"])
assert identity["Arn"] == "arn:aws:sts::000000000000:assumed-role/other/" + arn.split(":")[-1], identity
_, arn = begin({"Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity", "Parameters": {},
                "Credentials": {"RoleArn": "none"}})
assert end(arn)["error"] == "States.Permissions", end(arn)

# Logs of executions, where log groups are.
logs = service("logs")
logs.create_log_group(logGroupName="orders")
logging = {"level": "ALL", "includeExecutionData": True, "destinations": [
    {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:orders:*"}}]}
definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
for kind in ["STANDARD", "EXPRESS"]:
    machine = states.create_state_machine(
        name=kind, definition=definition, roleArn=ROLE, type=kind, loggingConfiguration=logging)
    arn = states.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"a": 1}')["executionArn"]

    def logged():
        streams = logs.describe_log_streams(logGroupName="orders", logStreamNamePrefix=f"states/{kind}/")["logStreams"]
        names = [stream["logStreamName"] for stream in streams]
        found = [logs.get_log_events(logGroupName="orders", logStreamName=name)["events"] for name in names]
        lines = [json.loads(event["message"]) for events in found for event in events]
        return [line["type"] for line in lines if line["execution_arn"] == arn and line["redrive_count"] == "0"]

    wait_for(lambda: logged() == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"])
try:
    missing = "arn:aws:logs:us-east-1:000000000000:log-group:missing:*"
    logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"] = missing
    states.create_state_machine(name="missing", definition=definition, roleArn=ROLE, loggingConfiguration=logging)
    raise AssertionError("the log group is missing")
except states.exceptions.InvalidLoggingConfiguration:
    pass
print(count)
