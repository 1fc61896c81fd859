"""What Terraform's AWS provider asks of Step Functions, call by call: create, read, plan, update and destroy of
aws_sfn_state_machine, aws_sfn_activity and aws_sfn_alias, with its waiters and its ways to see that something is gone.
A plan is clean when what is read equals what was sent: that is checked member by member."""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

client = boto3.client(
    "stepfunctions",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",
    config=Config(retries={"max_attempts": 1}),
)
ROLE = "arn:aws:iam::000000000000:role/terraform"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/terraform:*"
KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000"
# Terraform sends what `jsonencode` gives or what a heredoc has in it: white space and order are the user's.
FIRST = '{\n  "StartAt" : "A",\n\t"States": {"A": {"End":true,"Type": "Pass", "Result": "<&é>"}}}\n'
SECOND = json.dumps({"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 60, "End": True}}})


def check(found, wanted, what):
    if found != wanted:
        raise SystemExit(f"{what}: {found!r} was read where {wanted!r} is wanted")


def gone(code, read):
    try:
        read()
    except ClientError as error:
        return error.response["Error"]["Code"] == code
    return False


class StateMachine:
    """aws_sfn_state_machine"""

    def __init__(self, publish, **wanted):
        self.publish, self.wanted = publish, wanted
        self.validate(wanted["definition"])
        tags = wanted.pop("tags")
        made = client.create_state_machine(
            name=wanted["name"],
            definition=wanted["definition"],
            roleArn=wanted["roleArn"],
            publish=publish,
            type=wanted["type"],
            tags=[{"key": key, "value": value} for key, value in tags.items()],
            **{name: wanted[name] for name in self.blocks() if name in wanted},
        )
        self.arn, self.tags = made["stateMachineArn"], tags
        self.clean()

    @staticmethod
    def blocks():
        return ["encryptionConfiguration", "loggingConfiguration", "tracingConfiguration"]

    def validate(self, definition):
        found = client.validate_state_machine_definition(definition=definition, type=self.wanted["type"])
        check(found["result"], "OK", "the plan's validation")

    def read(self):
        found = client.describe_state_machine(stateMachineArn=self.arn)
        versions = client.list_state_machine_versions(stateMachineArn=self.arn)["stateMachineVersions"]
        tags = client.list_tags_for_resource(resourceArn=self.arn)["tags"]
        return found, versions, {tag["key"]: tag["value"] for tag in tags}

    def clean(self):
        """What two reads give is what was sent."""
        for _ in range(2):
            found, versions, tags = self.read()
            for name, value in self.wanted.items():
                check(found[name], value, name)
            check(tags, self.tags, "tags")
            check(found["status"], "ACTIVE", "status")
            check(bool(versions), self.publish, "whether there is a version")
            newest = sorted(versions, key=lambda one: one["creationDate"], reverse=True)
            check([one["stateMachineVersionArn"] for one in versions][:1], [one["stateMachineVersionArn"] for one in newest][:1], "newest first")
            # Blocks that nobody wrote: the provider overlooks a difference only if they say nothing.
            for name, value in {
                "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
                "tracingConfiguration": {"enabled": False},
                "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
            }.items():
                if name not in self.wanted:
                    check(found[name], value, name)
        return found, versions

    def update(self, **changed):
        self.validate(changed.get("definition", self.wanted["definition"]))
        self.wanted |= changed
        request = {name: changed[name] for name in self.blocks() if name in changed}
        if self.publish:
            # What the plan knows of the description of a version that is not yet there.
            request["versionDescription"] = ""
        client.update_state_machine(
            stateMachineArn=self.arn,
            definition=self.wanted["definition"],
            roleArn=self.wanted["roleArn"],
            publish=self.publish,
            **request,
        )
        return self.clean()

    def retag(self, **tags):
        client.untag_resource(resourceArn=self.arn, tagKeys=[key for key in self.tags if key not in tags])
        client.tag_resource(resourceArn=self.arn, tags=[{"key": key, "value": value} for key, value in tags.items()])
        self.tags = tags
        self.clean()

    def destroy(self):
        client.delete_state_machine(stateMachineArn=self.arn)
        for _ in range(500):
            try:
                status = client.describe_state_machine(stateMachineArn=self.arn)["status"]
            except ClientError as error:
                check(error.response["Error"]["Code"], "StateMachineDoesNotExist", "what is gone")
                return
            if status not in ("ACTIVE", "DELETING"):
                raise SystemExit(f"the waiter does not know {status}")
            time.sleep(0.01)
        raise SystemExit("the machine is never gone")


def state_machines():
    plain = StateMachine(False, name="plain", definition=FIRST, roleArn=ROLE, type="STANDARD", tags={})
    found, _ = plain.clean()
    check(found.get("revisionId"), None, "a first revision has no id")
    plain.update(definition=SECOND)
    revision = client.describe_state_machine(stateMachineArn=plain.arn)["revisionId"]
    plain.update(roleArn=ROLE + "-2")
    check(client.describe_state_machine(stateMachineArn=plain.arn)["revisionId"] == revision, False, "a new revision")
    plain.retag(team="web")
    plain.retag()
    plain.destroy()

    logging = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}],
    }
    full = StateMachine(
        True,
        name="full",
        definition=FIRST,
        roleArn=ROLE,
        type="STANDARD",
        tags={"env": "test", "empty": ""},
        loggingConfiguration=logging,
        tracingConfiguration={"enabled": True},
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": KEY, "kmsDataKeyReusePeriodSeconds": 600},
    )
    _, [first] = full.clean()
    _, versions = full.update(definition=SECOND)
    check(len(versions), 2, "the update has published")
    check(versions[1]["stateMachineVersionArn"], first["stateMachineVersionArn"], "the older one is the second")
    full.update(loggingConfiguration=logging | {"level": "ERROR", "includeExecutionData": False})
    full.update(tracingConfiguration={"enabled": False}, encryptionConfiguration={"type": "AWS_OWNED_KEY"})
    _, before = full.clean()
    _, after = full.update()
    check(after, before, "an update that changes nothing publishes nothing")
    running = client.start_execution(stateMachineArn=full.arn)["executionArn"]
    return full, versions, running


def activity():
    tags = [{"key": "a", "value": "1"}]
    arn = client.create_activity(name="terraform", tags=tags)["activityArn"]
    for _ in range(2):
        found = client.describe_activity(activityArn=arn)
        check((found["name"], found["activityArn"]), ("terraform", arn), "the activity")
        check(found["encryptionConfiguration"], {"type": "AWS_OWNED_KEY"}, "its encryption")
        check(client.list_tags_for_resource(resourceArn=arn)["tags"], tags, "its tags")
    client.delete_activity(activityArn=arn)
    check(gone("ActivityDoesNotExist", lambda: client.describe_activity(activityArn=arn)), True, "it is gone")


def alias(versions):
    new, old = [version["stateMachineVersionArn"] for version in versions[:2]]
    routes = [{"stateMachineVersionArn": new, "weight": 90}, {"stateMachineVersionArn": old, "weight": 10}]
    made = client.create_state_machine_alias(name="live", description="", routingConfiguration=routes)
    arn = made["stateMachineAliasArn"]

    def clean(description):
        for _ in range(2):
            found = client.describe_state_machine_alias(stateMachineAliasArn=arn)
            check((found["name"], found.get("description", "")), ("live", description), "the alias")
            check(found["routingConfiguration"], routes, "its routes, in their order")
            check(found["creationDate"], made["creationDate"], "its date")

    clean("")
    client.update_state_machine_alias(stateMachineAliasArn=arn, description="for users")
    clean("for users")
    routes = [{"stateMachineVersionArn": old, "weight": 100}]
    client.update_state_machine_alias(stateMachineAliasArn=arn, routingConfiguration=routes)
    clean("for users")
    client.delete_state_machine_alias(stateMachineAliasArn=arn)
    check(gone("ResourceNotFound", lambda: client.describe_state_machine_alias(stateMachineAliasArn=arn)), True, "gone")


full, versions, running = state_machines()
activity()
alias(versions)
full.destroy()
check(client.describe_execution(executionArn=running)["status"], "ABORTED", "what ran of a machine that is gone")
print("clean")
