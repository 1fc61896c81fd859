"""Signed calls with boto3: good keys get in, wrong and disabled ones are told so as by AWS. Prints `signed`."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, region, key, secret, disabled, its_secret = sys.argv[1:]
PASS = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'


def client(key, secret, region=region):
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(inject_host_prefix=False, retries={"max_attempts": 10, "mode": "standard"}),
    )


def refused(client, code, words):
    try:
        client.list_state_machines()
    except ClientError as error:
        told = error.response["Error"]
        if told["Code"] == code and words in told["Message"]:
            return
        raise SystemExit(f"{code} was expected, not {told}")
    raise SystemExit(f"{code} was expected")


good = client(key, secret)
machine = good.create_state_machine(name="m", definition=PASS, roleArn="arn:aws:iam::000000000000:role/r", type="EXPRESS")
arn = machine["stateMachineArn"]
runs = [good.start_execution(stateMachineArn=arn, name=f"run-{run}")["executionArn"] for run in range(20)]
if len(set(runs)) != 20:
    raise SystemExit("20 calls are not 20 executions")
# boto3 signs equal calls of one second equally: the second is told to try again, which the SDK does by itself.
twice = {good.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)}
if len(twice) != 2:
    raise SystemExit("two equal calls are not two executions")
answer = good.start_sync_execution(stateMachineArn=arn, input='{"name": "\u00e4"}')
if answer["status"] != "SUCCEEDED":
    raise SystemExit(f"a synchronous execution: {answer}")
refused(client(key, secret + "x"), "InvalidSignatureException", "does not match the signature you provided")
refused(client("AKIAIOSFODNN7EXAMPLE", secret), "UnrecognizedClientException", "security token")
refused(client(disabled, its_secret), "UnrecognizedClientException", "security token")
refused(client(key, secret, "ap-south-1"), "InvalidSignatureException", "valid region")
print("signed")
