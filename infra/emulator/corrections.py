"""What ministack leaves out of a deployment, put in afterwards through the same public API that AWS has.

Each correction reads what was deployed, changes only what is missing, and may be repeated. None of them touches
template.yaml: what is tested here is what AWS gets.
"""

import json
import re

FUNCTION_ARN = re.compile(r"\$\{(\w+)\.Arn\}")


def processed_template(cloudformation, stack: str) -> dict:
    """The template after the Serverless types have been expanded."""
    body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    return json.loads(body) if isinstance(body, str) else body


def resources_of(cloudformation, stack: str) -> dict[str, str]:
    """Logical id → physical id of everything in the stack."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def create_routes(gateway, functions, template: dict, resources: dict[str, str]) -> list[str]:
    """The routes of an HTTP API live in its OpenAPI body, which ministack ignores: every path would answer 404.

    Returns the route keys that exist afterwards.
    """
    route_keys = []
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        api = resources[logical_id]
        present = {route["RouteKey"] for route in gateway.get_routes(ApiId=api)["Items"]}
        for path, operations in resource["Properties"]["Body"]["paths"].items():
            for method, operation in operations.items():
                verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                route_key = f"{verb} {path}"
                route_keys.append(route_key)
                if route_key not in present:
                    create_route(gateway, functions, api, route_key, operation, resources)
    return route_keys


def create_route(gateway, functions, api: str, route_key: str, operation: dict, resources: dict[str, str]) -> None:
    described = operation["x-amazon-apigateway-integration"]
    name = FUNCTION_ARN.search(json.dumps(described["uri"]))
    if name is None:
        raise RuntimeError(f"route {route_key}: its integration names no function: {described['uri']}")
    arn = functions.get_function(FunctionName=resources[name.group(1)])["Configuration"]["FunctionArn"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arn,
        PayloadFormatVersion=described.get("payloadFormatVersion", "2.0"),
    )
    gateway.create_route(ApiId=api, RouteKey=route_key, Target=f"integrations/{integration['IntegrationId']}")


def enable_time_to_live(dynamodb, template: dict, resources: dict[str, str]) -> None:
    """ministack ignores a table's TimeToLiveSpecification."""
    for logical_id, resource in template["Resources"].items():
        wanted = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] != "AWS::DynamoDB::Table" or not wanted:
            continue
        table = resources[logical_id]
        state = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if state == "DISABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)


def allow_batches(iam, template: dict, resources: dict[str, str]) -> None:
    """AWS authorises SendMessageBatch as sqs:SendMessage; ministack wants an action of that name, which AWS does not have."""
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            if "sqs:SendMessage" not in json.dumps(policy):
                continue
            statement = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_role_policy(RoleName=resources[logical_id], PolicyName="EmulatorBatches", PolicyDocument=document)
