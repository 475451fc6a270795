"""`lambda/template.yaml` as SAM translates it: every rule holds, and every rule sees the fault that it is for.

Nothing here creates a resource: an account alone can prove that AWS accepts and enforces what the template says.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader

from tests.integration.deployments import template_rules as rules
from tests.integration.deployments.template_rules import BUCKET, DEAD, FUNCTION, QUEUE, ROLE, RULES, Resources, Rule

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "lambda" / "template.yaml"
LINT = ROOT / "deployments" / "lint"


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    from samtranslator.yaml_helper import yaml_parse

    return dict(yaml_parse(TEMPLATE.read_text(encoding="utf-8")))


class NoManagedPolicies(ManagedPolicyLoader):
    """SAM asks AWS for managed policies by name; a template of written roles has none to ask for."""

    def __init__(self) -> None:
        """Without a client: it would be asked for nothing."""

    def load(self) -> dict[str, str]:
        return {}


def translated(template: dict[str, Any]) -> Resources:
    from samtranslator.translator.transform import transform

    packaged = copy.deepcopy(template)
    # As `sam package` does: the zip is uploaded, and the template names where.
    packaged["Resources"][FUNCTION]["Properties"]["CodeUri"] = "s3://uploads/inventory-loader.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")

        return transform(packaged, {}, NoManagedPolicies())["Resources"]


def at(template: dict[str, Any], path: str) -> tuple[Any, Any]:
    """What holds the last part of a path such as `LandingQueue.Properties.VisibilityTimeout`, and that part."""
    *steps, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place: Any = template["Resources"]
    for step in steps:
        place = place[step]
    return place, last


def changed(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(template: dict[str, Any]) -> None:
        place, last = at(template, path)
        assert place[last] != value, "the change changes nothing"
        place[last] = value

    return change


def without(path: str) -> Callable[[dict[str, Any]], None]:
    def remove(template: dict[str, Any]) -> None:
        place, last = at(template, path)
        del place[last]

    return remove


def added(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def add(template: dict[str, Any]) -> None:
        place, last = at(template, path)
        if isinstance(place[last], list):
            place[last].append(value)
        else:
            place[last].update(value)

    return add


BUCKET_POLICY = "LandingBucketPolicy/Properties/PolicyDocument/Statement"
QUEUE_POLICY = "LandingQueuePolicy/Properties/PolicyDocument/Statement/0"
GRANTS = f"{ROLE}/Properties/Policies/0/PolicyDocument/Statement"
ENVIRONMENT = f"{FUNCTION}/Properties/Environment/Variables"
NOTICES = f"{BUCKET}/Properties/NotificationConfiguration/QueueConfigurations"
DROPPED, SWEEP = f"{FUNCTION}/Properties/Events/Dropped", f"{FUNCTION}/Properties/Events/Sweep"

FAULTS: list[tuple[Rule, Callable[[dict[str, Any]], None]]] = [
    (rules.versioned, changed(f"{BUCKET}/Properties/VersioningConfiguration/Status", "Suspended")),
    (rules.encrypted, without(f"{BUCKET}/Properties/BucketEncryption")),
    (rules.encrypted, without(f"{DEAD}/Properties/KmsMasterKeyId")),
    (rules.encrypted, without(f"{FUNCTION}/Properties/KmsKeyArn")),
    (rules.not_public, changed(f"{BUCKET}/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy", False)),
    (rules.over_tls_only, without(f"{BUCKET_POLICY}/0")),
    (rules.over_tls_only, without(f"{BUCKET_POLICY}/0/Resource/1")),
    (rules.over_tls_only, changed(f"{BUCKET_POLICY}/1/Effect", "Allow")),
    (rules.retained, without(f"{BUCKET}/DeletionPolicy")),
    (rules.retained, changed("LandingKey/UpdateReplacePolicy", "Delete")),
    (rules.announced, changed(f"{NOTICES}/1/Filter/S3Key/Rules/1/Value", ".txt")),
    (rules.announced, without(f"{NOTICES}/1")),
    (rules.announced, changed(f"{NOTICES}/0/Filter/S3Key/Rules/0/Value", "inbound/")),
    (rules.announced, without(f"{BUCKET}/DependsOn")),
    (rules.only_the_bucket_sends, without(f"{QUEUE_POLICY}/Condition/ArnEquals")),
    (rules.only_the_bucket_sends, without(f"{QUEUE_POLICY}/Condition/StringEquals")),
    (rules.only_the_bucket_sends, changed(f"{QUEUE_POLICY}/Principal", {"AWS": "*"})),
    (rules.only_the_bucket_sends, changed(f"{QUEUE_POLICY}/Action", "sqs:*")),
    (rules.five_tries_then_dead_letters, changed(f"{QUEUE}/Properties/RedrivePolicy/maxReceiveCount", 1000)),
    (rules.five_tries_then_dead_letters, without(f"{QUEUE}/Properties/RedrivePolicy")),
    (rules.five_tries_then_dead_letters, without(f"{DEAD}/Properties/MessageRetentionPeriod")),
    (rules.hidden_while_loading, changed(f"{QUEUE}/Properties/VisibilityTimeout", 900)),
    (rules.hidden_while_loading, without(f"{QUEUE}/Properties/VisibilityTimeout")),
    (rules.least_privilege, added(f"{GRANTS}/0/Action", "s3:*")),
    (rules.least_privilege, changed(f"{GRANTS}/0/Resource", "*")),
    (rules.least_privilege, changed(f"{GRANTS}/0/Resource", {"Fn::Sub": "arn:${AWS::Partition}:s3:::*"})),
    (rules.least_privilege, without(f"{FUNCTION}/Properties/Role")),
    (rules.no_secret_in_the_environment, added(ENVIRONMENT, {"SNOWFLAKE_PASSWORD": "hush"})),
    (rules.no_secret_in_the_environment, changed(f"{ENVIRONMENT}/SHELFGATE_SNOWFLAKE_KEY_SECRET", "-----BEGIN")),
    (rules.no_secret_in_the_environment, added(ENVIRONMENT, {"KEY": "{{resolve:secretsmanager:key}}"})),
    (rules.the_runtime_that_the_zip_is_built_for, changed(f"{FUNCTION}/Properties/Architectures", ["x86_64"])),
    (rules.the_runtime_that_the_zip_is_built_for, changed(f"{FUNCTION}/Properties/Handler", "loader.handler")),
    (rules.bounded, without(f"{FUNCTION}/Properties/ReservedConcurrentExecutions")),
    (rules.bounded, without(f"{DROPPED}/Properties/ScalingConfig")),
    (rules.a_failed_message_fails_alone, without(f"{DROPPED}/Properties/FunctionResponseTypes")),
    (rules.a_failed_message_fails_alone, without(DROPPED)),
    (rules.swept_daily, without(SWEEP)),
    (rules.swept_daily, without(f"{SWEEP}/Properties/DeadLetterConfig")),
    (rules.swept_daily, changed(f"{SWEEP}/Properties/State", "DISABLED")),
    (rules.may_list_what_it_sweeps, without(f"{GRANTS}/2")),
    (rules.may_list_what_it_sweeps, changed(f"{GRANTS}/2/Action", "s3:ListBucket")),
    (rules.may_list_what_it_sweeps, without(f"{GRANTS}/2/Condition")),
    (rules.may_list_what_it_sweeps, changed(f"{ENVIRONMENT}/SHELFGATE_S3_PREFIX", "dumps/")),
    (rules.alarmed, without("OldEventsAlarm")),
    (rules.alarmed, changed("LoaderErrorsAlarm/Properties/Threshold", 50)),
    (rules.alarmed, without("DeadLettersAlarm/Properties/AlarmActions")),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_holds(source: dict[str, Any], rule: Rule) -> None:
    assert list(rule(translated(source))) == []


@pytest.mark.parametrize(("rule", "break_it"), FAULTS, ids=[rule.__name__ for rule, _ in FAULTS])
def test_a_fault_is_seen_by_its_rule(
    source: dict[str, Any], rule: Rule, break_it: Callable[[dict[str, Any]], None]
) -> None:
    broken = copy.deepcopy(source)
    break_it(broken)

    assert list(rule(translated(broken)))


def test_the_sweep_runs_unless_an_operator_turns_it_off_and_the_loader_knows_its_event(
    source: dict[str, Any],
) -> None:
    from inventory_loader.events import Form, LandingLocation, parse

    assert source["Parameters"]["SweepState"]["Default"] == "ENABLED"
    # A schedule with an input of its own would not send EventBridge's scheduled event.
    targets = [
        target for _, rule in rules.of_type(translated(source), "AWS::Events::Rule") for target in rule["Targets"]
    ]
    assert [set(target) & {"Input", "InputPath", "InputTransformer"} for target in targets] == [set()]
    scheduled = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    assert parse(scheduled, "request-1", lambda: LandingLocation("landing", "inbound/")).form is Form.SWEEP


def test_every_rule_has_a_fault_that_it_sees() -> None:
    assert {rule for rule, _ in FAULTS} == set(RULES)


def test_no_rule_looks_at_nothing(source: dict[str, Any]) -> None:
    """A resource that was renamed would leave a rule over its kind without a subject."""
    kinds = [resource["Type"] for resource in translated(source).values()]

    for kind in ("Lambda::EventSourceMapping", "Events::Rule", "SQS::QueuePolicy", "S3::BucketPolicy", "IAM::Role"):
        assert f"AWS::{kind}" in kinds
    assert kinds.count("AWS::CloudWatch::Alarm") == 3


def test_cfn_lint_finds_nothing_and_would_find_a_slip_of_the_pen(source: dict[str, Any], tmp_path: Path) -> None:
    assert lint(TEMPLATE) == []

    slipped = tmp_path / "slipped.yaml"
    slipped.write_text(TEMPLATE.read_text(encoding="utf-8").replace("VisibilityTimeout:", "VisibilityTimeOut:"))

    assert any(code == "E3002" for code in lint(slipped))


def lint(template: Path) -> list[str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--format", "json", template],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    return [found["Rule"]["Id"] for found in json.loads(done.stdout)]


@pytest.mark.proofs
def test_sam_validates_it() -> None:
    told = tool("sam", "sam", "validate", "--lint", "--template", str(TEMPLATE))

    assert "is a valid SAM Template" in told


@pytest.mark.proofs
def test_checkov_passes_it_with_nothing_skipped_but_what_the_template_justifies() -> None:
    told = json.loads(tool("checkov", "checkov", "-f", str(TEMPLATE), "--skip-download", "--output", "json"))

    assert told["results"]["failed_checks"] == []
    assert len(told["results"]["passed_checks"]) >= 25
    skipped = told["results"]["skipped_checks"]
    assert {check["check_id"] for check in skipped} == {"CKV_AWS_18", "CKV_AWS_117"}
    assert all(len(check["check_result"]["suppress_comment"]) > 40 for check in skipped)


def tool(group: str, *command: str) -> str:
    """Run a tool of the environment that deployments/lint locks."""
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [uv, "run", "--project", str(LINT), "--frozen", "--only-group", group, *command],
        env={key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}}
        | {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}\n{done.stderr}"
    return done.stdout
