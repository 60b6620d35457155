"""Names in the template: of resources in AWS, which carry the stage, and of their logical ids, which do not."""

from typing import Any

Resource = dict[str, Any]
Resources = dict[str, Resource]


def name_of(stage: str, thing: str) -> str:
    """Name a thing of a stage in AWS: ``ingest_events`` is ``meterfold-dev-ingest_events``."""
    return f"meterfold-{stage}-{thing}"


def logical_id(thing: str) -> str:
    """Write a name as CloudFormation wants a logical id: ``usage-events`` is ``UsageEvents``."""
    return "".join(part.capitalize() for part in thing.replace("_", "-").split("-"))


def arn_of(resource: str) -> dict[str, Any]:
    """Refer to the ARN of a resource of the template."""
    return {"Fn::GetAtt": [resource, "Arn"]}
