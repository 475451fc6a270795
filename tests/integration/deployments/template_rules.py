"""What the translated template must hold, a rule a function; a rule answers with its faults and refuses to fix them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

Resources = dict[str, dict[str, Any]]
Rule = Callable[[Resources], Iterator[str]]

BUCKET, QUEUE, DEAD, FUNCTION, ROLE = "LandingBucket", "LandingQueue", "DeadLetters", "InventoryLoader", "LoaderRole"
LANDING_ARN = "arn:${AWS::Partition}:s3:::${LandingBucketName}"
# Values, not references: what an operator would have to keep from everybody who may read the function's settings.
SECRET_NAME = re.compile(r"password|passphrase|token|private_key$|secret$|secret_access", re.IGNORECASE)


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def statements(document: Any) -> list[dict[str, Any]]:
    return list((document or {}).get("Statement", []))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def get_att(resource: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, attribute]}


def versioned(resources: Resources) -> Iterator[str]:
    if resources[BUCKET]["Properties"].get("VersioningConfiguration") != {"Status": "Enabled"}:
        yield "the bucket keeps no versions"


def encrypted(resources: Resources) -> Iterator[str]:
    found = resources[BUCKET]["Properties"].get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    if [rule["ServerSideEncryptionByDefault"].get("SSEAlgorithm") for rule in found] != ["aws:kms"]:
        yield "the bucket is not encrypted with KMS"
    for name in (QUEUE, DEAD):
        if "KmsMasterKeyId" not in resources[name]["Properties"]:
            yield f"{name} is not encrypted"
    if "KmsKeyArn" not in resources[FUNCTION]["Properties"]:
        yield "the function's environment is not encrypted with our key"


def not_public(resources: Resources) -> Iterator[str]:
    found = resources[BUCKET]["Properties"].get("PublicAccessBlockConfiguration", {})
    for block in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"):
        if found.get(block) is not True:
            yield f"{block} is not on"


def over_tls_only(resources: Resources) -> Iterator[str]:
    wanted = [get_att(BUCKET), {"Fn::Sub": f"${{{BUCKET}.Arn}}/*"}]
    denied = [
        statement["Condition"]
        for _, policy in of_type(resources, "AWS::S3::BucketPolicy")
        for statement in statements(policy["PolicyDocument"])
        if (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        and statement["Resource"] == wanted
    ]
    for condition in ({"Bool": {"aws:SecureTransport": "false"}}, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}):
        if condition not in denied:
            yield f"the bucket does not deny {json.dumps(condition)}"


def retained(resources: Resources) -> Iterator[str]:
    for name in (BUCKET, "LandingKey"):
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resources[name].get(policy) != "Retain":
                yield f"{name} has no {policy}: Retain"


def announced(resources: Resources) -> Iterator[str]:
    """The bucket announces exactly the names that the loader accepts, and the queue takes them before it does."""
    from inventory_loader.objects import _AFTER_PREFIX

    found = resources[BUCKET]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    prefix = resources[FUNCTION]["Properties"]["Environment"]["Variables"]["SHELFGATE_S3_PREFIX"]
    suffixes = set()
    for one in found:
        rules = {rule["Name"]: rule["Value"] for rule in one["Filter"]["S3Key"]["Rules"]}
        suffixes.add(rules.get("suffix", ""))
        if rules.get("prefix") != prefix:
            yield f"announces prefix {rules.get('prefix')}, the function loads {prefix}"
        if one["Queue"] != get_att(QUEUE) or one["Event"] != "s3:ObjectCreated:*":
            yield "an announcement does not go to the queue"
    for suffix in suffixes:
        if not _AFTER_PREFIX.fullmatch(f"2026-11-22{suffix}"):
            yield f"announces {suffix or 'every name'}, which the loader refuses"
    if missing := {".csv", ".csv.gz"} - suffixes:
        yield f"does not announce {sorted(missing)}"
    if "LandingQueuePolicy" not in as_list(resources[BUCKET].get("DependsOn", [])):
        yield "the bucket may be made before its queue takes events: CloudFormation would fail"


def only_the_bucket_sends(resources: Resources) -> Iterator[str]:
    for name, policy in of_type(resources, "AWS::SQS::QueuePolicy"):
        for statement in statements(policy["PolicyDocument"]):
            if statement["Effect"] != "Allow" or "Service" not in as_list(statement["Principal"])[0]:
                yield f"{name} lets somebody in who is no AWS service"
                continue
            condition = statement.get("Condition", {})
            if "aws:SourceArn" not in condition.get("ArnEquals", {}):
                yield f"{name} has no aws:SourceArn"
            if condition.get("StringEquals", {}).get("aws:SourceAccount") != {"Ref": "AWS::AccountId"}:
                yield f"{name} has no aws:SourceAccount"
            if statement["Action"] != "sqs:SendMessage":
                yield f"{name} allows more than sending"


def five_tries_then_dead_letters(resources: Resources) -> Iterator[str]:
    redrive = resources[QUEUE]["Properties"].get("RedrivePolicy", {})
    if redrive.get("deadLetterTargetArn") != get_att(DEAD) or redrive.get("maxReceiveCount") != 5:
        yield "five receives do not lead to the dead letters"
    if resources[DEAD]["Properties"].get("MessageRetentionPeriod") != 14 * 86400:
        yield "dead letters are not kept for SQS's longest, 14 days"


def hidden_while_loading(resources: Resources) -> Iterator[str]:
    visible, timeout = resources[QUEUE]["Properties"].get("VisibilityTimeout", 30), _function(resources)["Timeout"]
    if visible < 6 * timeout:
        yield f"visibility time-out {visible} s, wanted 6 x {timeout} s or more"


def least_privilege(resources: Resources) -> Iterator[str]:
    if (role := _function(resources).get("Role")) != get_att(ROLE):
        yield f"the function does not have the written role but {role}"
    for name, found in of_type(resources, "AWS::IAM::Role"):
        if found.get("ManagedPolicyArns"):
            yield f"{name} has a managed policy, which nobody here reads"
        for policy in found.get("Policies", []):
            for statement in statements(policy["PolicyDocument"]):
                yield from _wide(name, statement)


def _wide(name: str, statement: dict[str, Any]) -> Iterator[str]:
    for action in as_list(statement["Action"]):
        if "*" in action:
            yield f"{name} may {action}"
    for resource in as_list(statement["Resource"]):
        text = resource if isinstance(resource, str) else str(resource.get("Fn::Sub", ""))
        if "*" in text.removesuffix("/inbound/inventory/*"):
            yield f"{name} reaches {text}"


def no_secret_in_the_environment(resources: Resources) -> Iterator[str]:
    for name, value in _function(resources)["Environment"]["Variables"].items():
        # The name of the secret may be known; who may read it is the role's.
        if value == {"Ref": "WarehouseSecretArn"}:
            continue
        if SECRET_NAME.search(name) or "{{resolve:" in json.dumps(value):
            yield f"the function's environment holds {name}"


def the_runtime_that_the_zip_is_built_for(resources: Resources) -> Iterator[str]:
    found = _function(resources)
    if (found.get("Architectures"), found.get("Runtime")) != (["arm64"], "python3.12"):
        yield f"runs {found.get('Runtime')} on {found.get('Architectures')}"
    module, _, name = str(found.get("Handler")).rpartition(".")
    try:
        callable_ = callable(getattr(import_module(module), name, None))
    except (ImportError, ValueError):
        callable_ = False
    if not callable_ or found.get("Handler") != "inventory_loader.handler.handler":
        yield f"no handler {found.get('Handler')}"


def bounded(resources: Resources) -> Iterator[str]:
    reserved = _function(resources).get("ReservedConcurrentExecutions", 0)
    for _, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping"):
        most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0)
        # One for the sweep and one for the daily run, or those are throttled by a backlog.
        if not 2 <= most <= reserved - 2:
            yield f"{most} of {reserved} reserved executions may take from the queue"


def a_failed_message_fails_alone(resources: Resources) -> Iterator[str]:
    found = [mapping for _, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping")]
    if [mapping["EventSourceArn"] for mapping in found] != [get_att(QUEUE)]:
        yield "the function does not take from the queue"
    for mapping in found:
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield "one bad message sends its whole batch back"


def swept_daily(resources: Resources) -> Iterator[str]:
    found = [rule for _, rule in of_type(resources, "AWS::Events::Rule")]
    targets = [target for rule in found for target in rule["Targets"]]
    if [target["Arn"] for target in targets] != [get_att(FUNCTION)]:
        yield "no schedule invokes the function"
    for target in targets:
        if target.get("DeadLetterConfig", {}).get("Arn") != get_att(DEAD):
            yield "a sweep that could not be started leaves no trace"
    for rule in found:
        if (rule.get("ScheduleExpression"), rule.get("State")) != ({"Ref": "SweepSchedule"}, {"Ref": "SweepState"}):
            yield "when the schedule runs, and whether, is not what the parameters say"


def may_list_what_it_sweeps(resources: Resources) -> Iterator[str]:
    """The sweep lists versions under the prefix; without the right to, every scheduled run would fail."""
    prefix = _function(resources)["Environment"]["Variables"]["SHELFGATE_S3_PREFIX"]
    granted = [
        statement
        for policy in resources[ROLE]["Properties"]["Policies"]
        for statement in statements(policy["PolicyDocument"])
        if "s3:ListBucketVersions" in as_list(statement["Action"]) and statement["Effect"] == "Allow"
    ]
    if [statement["Resource"] for statement in granted] != [{"Fn::Sub": LANDING_ARN}]:
        yield "the function may not list the versions in the bucket"
    for statement in granted:
        if statement.get("Condition") != {"StringEquals": {"s3:prefix": prefix}}:
            yield f"the function may list more, or other, than {prefix}"


def alarmed(resources: Resources) -> Iterator[str]:
    wanted = {
        ("ApproximateNumberOfMessagesVisible", DEAD): 0,
        ("Errors", FUNCTION): 0,
        ("ApproximateAgeOfOldestMessage", QUEUE): 10_800,
    }
    for _, alarm in of_type(resources, "AWS::CloudWatch::Alarm"):
        (dimension,) = alarm["Dimensions"]
        value = dimension["Value"]
        watched = value.get("Ref") or value["Fn::GetAtt"][0]
        threshold = wanted.pop((alarm["MetricName"], watched), None)
        if threshold is None or alarm["Threshold"] > threshold or not alarm.get("AlarmActions"):
            yield f"the alarm on {alarm['MetricName']} of {watched} rings nowhere or too late"
    for metric, name in wanted:
        yield f"nobody watches {metric} of {name}"


def _function(resources: Resources) -> dict[str, Any]:
    return resources[FUNCTION]["Properties"]


RULES: tuple[Rule, ...] = (
    versioned,
    encrypted,
    not_public,
    over_tls_only,
    retained,
    announced,
    only_the_bucket_sends,
    five_tries_then_dead_letters,
    hidden_while_loading,
    least_privilege,
    no_secret_in_the_environment,
    the_runtime_that_the_zip_is_built_for,
    bounded,
    a_failed_message_fails_alone,
    swept_daily,
    may_list_what_it_sweeps,
    alarmed,
)
