//! One client, many services: what `moto_server` takes and answers, in every protocol.

use std::sync::Arc;

use serde_json::{Value, json};
use shipway_aws::{
    client::{Class, Client, Role, Sessions},
    task,
};

use crate::support::{Calls, Moto};

async fn call(client: &Client, service: &str, action: &str, input: Value) -> Value {
    let answer = client.call(service, action, &input).await;
    answer.unwrap_or_else(|error| panic!("{service}:{action}: {error}")).output
}

/// A call whose answer must hold something at a place.
async fn must_hold(client: &Client, service: &str, action: &str, input: Value, place: &str) -> Value {
    let output = call(client, service, action, input).await;
    let found = output.pointer(place).cloned();
    found.unwrap_or_else(|| panic!("{service}:{action}: nothing at {place} in {output}"))
}

async fn json_services(client: &Client) {
    let table = json!({"TableName": "t", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]});
    must_hold(client, "dynamodb", "createTable", table, "/TableDescription/TableArn").await;
    let item = json!({"id": {"S": "1"}, "b": {"B": "AAE="}, "n": {"N": "1.5"}, "l": {"L": [{"NULL": true}]}});
    call(client, "dynamodb", "putItem", json!({"TableName": "t", "Item": item})).await;
    let got = call(client, "dynamodb", "getItem", json!({"TableName": "t", "Key": {"id": {"S": "1"}}})).await;
    assert_eq!(got["Item"], item);
    let taken = json!({"TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(id)"});
    let refused = client.call("dynamodb", "putItem", &taken).await.unwrap_err();
    assert!(refused.is("ConditionalCheckFailedException") && refused.class == Class::Refused, "{refused:?}");

    let queue = must_hold(client, "sqs", "createQueue", json!({"QueueName": "q"}), "/QueueUrl").await;
    call(client, "sqs", "sendMessage", json!({"QueueUrl": queue, "MessageBody": "<hello> & \u{fc}"})).await;
    let received = call(client, "sqs", "receiveMessage", json!({"QueueUrl": queue})).await;
    assert_eq!(received["Messages"][0]["Body"], "<hello> & \u{fc}");
    let none = client.call("sqs", "getQueueUrl", &json!({"QueueName": "none"})).await.unwrap_err();
    assert!(none.is("QueueDoesNotExist"), "{none:?}");

    call(client, "ssm", "putParameter", json!({"Name": "/a/b", "Value": "v", "Type": "String"})).await;
    let value = must_hold(client, "ssm", "getParameter", json!({"Name": "/a/b"}), "/Parameter/Value").await;
    assert_eq!(value, "v");
    call(client, "kinesis", "createStream", json!({"StreamName": "s", "ShardCount": 1})).await;
    let put = json!({"StreamName": "s", "PartitionKey": "k", "Data": "AAE="});
    must_hold(client, "kinesis", "putRecord", put, "/SequenceNumber").await;
    call(client, "cloudwatchlogs", "createLogGroup", json!({"logGroupName": "g"})).await;
    must_hold(client, "cloudwatchlogs", "describeLogGroups", json!({}), "/logGroups/0/arn").await;
    must_hold(client, "ecs", "createCluster", json!({"clusterName": "c"}), "/cluster/clusterArn").await;
    call(client, "eventbridge", "putRule", json!({"Name": "r", "ScheduleExpression": "rate(1 day)"})).await;
    must_hold(client, "eventbridge", "listRules", json!({}), "/Rules/0/Arn").await;
    let key = must_hold(client, "kms", "createKey", json!({}), "/KeyMetadata/KeyId").await;
    let cipher = must_hold(
        client,
        "kms",
        "encrypt",
        json!({"KeyId": key, "Plaintext": "c2VjcmV0"}),
        "/CiphertextBlob",
    )
    .await;
    let plain = must_hold(client, "kms", "decrypt", json!({"CiphertextBlob": cipher}), "/Plaintext").await;
    assert_eq!(plain, "c2VjcmV0");
    call(client, "secretsmanager", "createSecret", json!({"Name": "s", "SecretString": "x"})).await;
    must_hold(client, "secretsmanager", "listSecrets", json!({}), "/SecretList/0/ARN").await;
    must_hold(
        client,
        "organizations",
        "createOrganization",
        json!({"FeatureSet": "ALL"}),
        "/Organization/Id",
    )
    .await;
    let machine = json!({"name": "m", "roleArn": "arn:aws:iam::123456789012:role/r",
        "definition": r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#});
    let machine = must_hold(client, "sfn", "createStateMachine", machine, "/stateMachineArn").await;
    let started =
        must_hold(client, "sfn", "startExecution", json!({"stateMachineArn": machine}), "/startDate").await;
    assert!(started.as_str().unwrap().ends_with('Z'), "{started}");
}

async fn query_services(client: &Client) {
    let identity = call(client, "sts", "getCallerIdentity", json!({})).await;
    assert_eq!(identity["Account"], "123456789012");
    let topic = must_hold(
        client,
        "sns",
        "createTopic",
        json!({"Name": "t", "Attributes": {"DisplayName": "d"}}),
        "/TopicArn",
    )
    .await;
    must_hold(client, "sns", "publish", json!({"TopicArn": topic, "Message": "m"}), "/MessageId").await;
    let none =
        client.call("sns", "getTopicAttributes", &json!({"TopicArn": "arn:aws:sns:us-east-1:1:x"})).await;
    assert!(
        none.unwrap_err().is("NotFoundException"),
        "SNS says `NotFound` and the model `NotFoundException`"
    );
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    call(client, "iam", "createRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": policy})).await;
    must_hold(client, "iam", "listRoles", json!({}), "/Roles/0/CreateDate").await;
    let body = json!({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}).to_string();
    must_hold(
        client,
        "cloudformation",
        "createStack",
        json!({"StackName": "s", "TemplateBody": body}),
        "/StackId",
    )
    .await;
    let stacks = call(client, "cloudformation", "describeStacks", json!({})).await;
    assert_eq!(stacks["Stacks"][0]["StackName"], "s");
    let metric = json!({"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.5,
        "Dimensions": [{"Name": "a", "Value": "b"}]}]});
    call(client, "cloudwatch", "putMetricData", metric).await;
    must_hold(client, "cloudwatch", "listMetrics", json!({}), "/Metrics/0/MetricName").await;
    must_hold(client, "rds", "describeDBInstances", json!({}), "/DBInstances").await;
    must_hold(
        client,
        "elasticloadbalancing",
        "describeLoadBalancers",
        json!({}),
        "/LoadBalancerDescriptions",
    )
    .await;
}

async fn fleet(client: &Client) {
    let vpc = must_hold(client, "ec2", "createVpc", json!({"CidrBlock": "10.0.0.0/16"}), "/Vpc/VpcId").await;
    let subnet = json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "us-east-1a"});
    let subnet = must_hold(client, "ec2", "createSubnet", subnet, "/Subnet/SubnetId").await;
    let tags = json!({"Resources": [vpc], "Tags": [{"Key": "Name", "Value": "n & m"}]});
    call(client, "ec2", "createTags", tags).await;
    let filters = json!({"Filters": [{"Name": "tag:Name", "Values": ["n & m"]}]});
    let found = call(client, "ec2", "describeVpcs", filters).await;
    assert_eq!(found["Vpcs"][0]["VpcId"], vpc);
    let none = client.call("ec2", "describeVpcs", &json!({"VpcIds": ["vpc-none"]})).await.unwrap_err();
    assert!(
        none.is("InvalidVpcID.NotFound") && none.status == Some(400) && none.request_id.is_some(),
        "{none:?}"
    );

    let group = json!({"Name": "g", "Protocol": "HTTP", "Port": 80, "VpcId": vpc});
    let arn = must_hold(
        client,
        "elasticloadbalancingv2",
        "createTargetGroup",
        group,
        "/TargetGroups/0/TargetGroupArn",
    )
    .await;
    let template = json!({"LaunchTemplateName": "lt", "LaunchTemplateData":
        {"ImageId": "ami-12345678", "InstanceType": "t3.micro"}});
    must_hold(client, "ec2", "createLaunchTemplate", template, "/LaunchTemplate/LaunchTemplateId").await;
    let group = json!({"AutoScalingGroupName": "web", "MinSize": 1, "MaxSize": 2, "DesiredCapacity": 1,
        "LaunchTemplate": {"LaunchTemplateName": "lt", "Version": "$Latest"}, "VPCZoneIdentifier": subnet,
        "TargetGroupARNs": [arn], "Tags": [{"Key": "a", "Value": "b", "PropagateAtLaunch": true}]});
    call(client, "autoscaling", "createAutoScalingGroup", group).await;
    let groups =
        call(client, "autoscaling", "describeAutoScalingGroups", json!({"AutoScalingGroupNames": ["web"]}))
            .await;
    assert_eq!(groups["AutoScalingGroups"][0]["Instances"][0]["LifecycleState"], "InService", "{groups}");
    let health = json!({"TargetGroupArn": arn});
    must_hold(
        client,
        "elasticloadbalancingv2",
        "describeTargetHealth",
        health,
        "/TargetHealthDescriptions/0",
    )
    .await;
}

async fn rest_services(client: &Client) {
    call(client, "s3", "createBucket", json!({"Bucket": "b-1"})).await;
    let object =
        json!({"Bucket": "b-1", "Key": "a dir/\u{fc}+&.txt", "Body": "aGVsbG8=", "Metadata": {"a": "b"}});
    must_hold(client, "s3", "putObject", object, "/ETag").await;
    let got = call(client, "s3", "getObject", json!({"Bucket": "b-1", "Key": "a dir/\u{fc}+&.txt"})).await;
    assert_eq!(
        (&got["Body"], &got["Metadata"]["a"], &got["ContentLength"]),
        (&json!("aGVsbG8="), &json!("b"), &json!(5))
    );
    let listed = call(client, "s3", "listObjectsV2", json!({"Bucket": "b-1", "Prefix": "a "})).await;
    assert_eq!(listed["Contents"][0]["Key"], "a dir/\u{fc}+&.txt");
    let many = json!({"Bucket": "b-1", "Delete": {"Objects": [{"Key": "a dir/\u{fc}+&.txt"}]}});
    must_hold(client, "s3", "deleteObjects", many, "/Deleted/0/Key").await;
    let none = client.call("s3", "getObject", &json!({"Bucket": "b-1", "Key": "none"})).await.unwrap_err();
    assert!(none.is("NoSuchKey") && none.status == Some(404), "{none:?}");
    let none = client.call("s3", "headObject", &json!({"Bucket": "b-1", "Key": "none"})).await.unwrap_err();
    assert_eq!((none.code.as_str(), none.message.as_str()), ("404", "Not Found"));

    let zone = json!({"Name": "example.com.", "CallerReference": "1"});
    let zone = must_hold(client, "route53", "createHostedZone", zone, "/HostedZone/Id").await;
    let id = zone.as_str().unwrap().trim_start_matches("/hostedzone/").to_owned();
    let change = json!({"HostedZoneId": id, "ChangeBatch": {"Changes": [{"Action": "CREATE", "ResourceRecordSet":
        {"Name": "a.example.com.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}}]}});
    must_hold(client, "route53", "changeResourceRecordSets", change, "/ChangeInfo/Status").await;
    must_hold(
        client,
        "route53",
        "listResourceRecordSets",
        json!({"HostedZoneId": id}),
        "/ResourceRecordSets/0",
    )
    .await;

    let function = json!({"FunctionName": "f", "Runtime": "python3.12", "Handler": "a.b",
        "Role": "arn:aws:iam::123456789012:role/r", "Code": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}});
    must_hold(client, "lambda", "createFunction", function, "/FunctionArn").await;
    must_hold(client, "lambda", "getFunction", json!({"FunctionName": "f"}), "/Configuration/FunctionName")
        .await;
    let none = client.call("lambda", "getFunction", &json!({"FunctionName": "none"})).await.unwrap_err();
    assert!(none.is("ResourceNotFoundException"), "{none:?}");
    must_hold(client, "apigateway", "createRestApi", json!({"name": "a"}), "/id").await;
    must_hold(client, "apigatewayv2", "createApi", json!({"Name": "a", "ProtocolType": "HTTP"}), "/ApiId")
        .await;
    must_hold(client, "eks", "listClusters", json!({}), "/clusters").await;
    must_hold(client, "batch", "describeJobQueues", json!({}), "/jobQueues").await;
    must_hold(client, "efs", "createFileSystem", json!({}), "/FileSystemId").await;
    let schedule = json!({"Name": "s", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}});
    must_hold(client, "scheduler", "createSchedule", schedule, "/ScheduleArn").await;
}

async fn tasks(client: &Client) {
    let none = json!({"Bucket": "some-bucket-that-is-not"});
    let failure = task::run(client, "s3", "listObjects", &none).await.unwrap_err();
    assert_eq!(failure.error, "S3.NoSuchBucketException");
    assert!(
        failure.cause.starts_with("The specified bucket does not exist (Service: S3, Status Code: 404, "),
        "{failure:?}"
    );
    let put = json!({"Bucket": "b-1", "Key": "k", "Body": {"a": 1}});
    task::run(client, "s3", "putObject", &put).await.unwrap();
    let got = task::run(client, "s3", "getObject", &json!({"Bucket": "b-1", "Key": "k"})).await.unwrap();
    assert_eq!((&got["Body"], &got["Metadata"]), (&json!("{\"a\":1}"), &json!({})));
    let item = json!({"TableName": "t", "Item": {"id": {"S": "2"}, "data": {"Bool": true}}});
    assert_eq!(task::run(client, "dynamodb", "putItem", &item).await.unwrap(), json!({}));
    let key = json!({"TableName": "t", "Key": {"id": {"S": "2"}}});
    let got = task::run(client, "dynamodb", "getItem", &key).await.unwrap();
    assert_eq!(got, json!({"Item": {"id": {"S": "2"}, "data": {"Bool": true}}}));
}

/// Every account is a world of its own, and a role is taken on once for many calls.
async fn accounts(client: &Client, calls: &Calls) {
    calls.take();
    let sessions = Sessions::new(client.clone());
    let mut role = Role::new("arn:aws:iam::210987654321:role/shipway", "deploy/7");
    role.external_id = Some("x".to_owned());
    role.tags = vec![("release".to_owned(), "r-1".to_owned())];
    let there = sessions.assume(&role, "eu-west-1");
    let identity = call(&there, "sts", "getCallerIdentity", json!({})).await;
    assert_eq!(identity["Account"], "210987654321");
    assert_eq!(identity["Arn"], "arn:aws:sts::210987654321:assumed-role/shipway/deploy-7");
    let queues = call(&sessions.assume(&role, "eu-west-1"), "sqs", "listQueues", json!({})).await;
    assert_eq!(queues, json!({}), "the queue of the other account is not there");
    let made: Vec<String> =
        calls.take().iter().map(|call| format!("{} {}", call.action, call.region)).collect();
    assert_eq!(made, ["AssumeRole eu-west-1", "GetCallerIdentity eu-west-1", "ListQueues eu-west-1"]);
}

#[tokio::test]
async fn one_client_speaks_to_many_services() {
    let Some(moto) = Moto::start() else { return };
    let calls = Arc::new(Calls::default());
    let client = moto.client(&calls);
    json_services(&client).await;
    query_services(&client).await;
    fleet(&client).await;
    rest_services(&client).await;
    tasks(&client).await;
    let records = calls.take();
    assert!(records.iter().all(|call| call.attempts == 1 && call.status.is_some()), "{records:?}");
    let mut services: Vec<&str> = records.iter().map(|call| call.service.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    println!("{} calls to {} services: {}", records.len(), services.len(), services.join(", "));
    assert!(services.len() >= 30, "{services:?}");
    accounts(&client, &calls).await;
}
