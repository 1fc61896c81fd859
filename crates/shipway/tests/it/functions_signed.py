"""Lambda's API with signed calls: a good key gets in, wrong ones and other services' signatures do not. Prints `signed`."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, key, secret = sys.argv[1:]


def client(key, secret, region="eu-west-1"):
    return boto3.client("lambda", endpoint_url=url, region_name=region, aws_access_key_id=key,
                        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}))


def refused(client, code):
    try:
        client.invoke(FunctionName="greet", Payload='{"name": "Ada"}')
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return
        raise SystemExit(f"{code} was expected, not {error}")
    raise SystemExit(f"{code} was expected")


good = client(key, secret)
answer = good.invoke(FunctionName="greet", Payload='{"name": "Ada"}')
if answer["Payload"].read() != b'{"greeting": "hello Ada", "calls": 1}':
    raise SystemExit("another answer was expected")
good.list_functions()
refused(client(key, "x" * 40), "InvalidSignatureException")
refused(client("SWAKAAAAAAAAAAAAAAAA", secret), "UnrecognizedClientException")
refused(client(key, secret, "us-east-1"), "InvalidSignatureException")
print("signed")
