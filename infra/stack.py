"""CloudFormation's stack of a stage: planned as a change set that is shown first, then carried out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, WaiterError

__all__ = ["WAIT", "Plan", "Stack", "StackFailed"]

# A template with SAM's transform and roles with policies needs both said.
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
# What a stack can be in from which only deleting leads on.
_NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}
# How often and how long CloudFormation and DynamoDB are asked whether they are done: half an hour.
WAIT: dict[str, float] = {"Delay": 3, "MaxAttempts": 600}


class StackFailed(Exception):
    """CloudFormation could not do it; ``reasons`` says of each resource why."""

    def __init__(self, said: str, reasons: Sequence[str] = ()) -> None:
        super().__init__("\n".join([said, *(f"  {reason}" for reason in reasons)]))
        self.reasons = list(reasons)


@dataclass(frozen=True, slots=True)
class Plan:
    """A change set: ``changes`` of (action, logical id, type, whether it is replaced), in CloudFormation's order."""

    id: str
    creates: bool
    changes: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Show each change on a line, what is replaced or removed marked."""
        if not self.changes:
            return ["nothing changes"]
        width = max(len(name) for _, name, _, _ in self.changes)
        return [
            f"{_SIGNS.get(action, '?')} {name:<{width}}  {kind}{'  IS REPLACED' if replaced else ''}"
            for action, name, kind, replaced in self.changes
        ]


_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "~"}


class Stack:
    """The stack of one stage. ``cloudformation`` is a boto3 client."""

    def __init__(self, cloudformation: Any, name: str) -> None:
        self._cloudformation = cloudformation
        self.name = name

    def find(self) -> dict[str, Any] | None:
        """Describe the stack, or ``None`` when there is none; one that only waits for its first change set is none."""
        try:
            found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as fault:
            if "does not exist" in str(fault.response["Error"].get("Message", "")):
                return None
            raise
        return None if found["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else found

    def clear(self) -> None:
        """Delete what is left of a stack whose creation failed: nothing else can be done with it. Its tables stay."""
        found = self.find()
        if found is not None and found["StackStatus"] in _NEVER_MADE:
            self._delete()

    def parameters(self) -> dict[str, str]:
        """Give the values of the stack's parameters; of those that nobody reads back, asterisks."""
        found = self.find() or {}
        return {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}

    def outputs(self) -> dict[str, str]:
        """Give the outputs of the stack; raises ``StackFailed`` when there is none."""
        found = self.find()
        if found is None:
            raise StackFailed(f"There is no stack {self.name}.")
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def plan(
        self, template_url: str, parameters: Mapping[str, str], *, kept: Sequence[str] = (), tags: Mapping[str, str]
    ) -> Plan:
        """Make a change set; ``parameters`` are set, those ``kept`` stay as they are, others take their defaults.

        Tables that outlived an earlier stack are taken over with their items. Raises ``StackFailed``.
        """
        creates = self.find() is None
        given: list[dict[str, Any]] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(parameters.items())
        ]
        given += [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(kept)]
        asked = {
            "StackName": self.name,
            "ChangeSetName": f"deploy-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}",
            "ChangeSetType": "CREATE" if creates else "UPDATE",
            "TemplateURL": template_url,
            "Parameters": given,
            "Capabilities": _CAPABILITIES,
            "Tags": [{"Key": name, "Value": value} for name, value in sorted(tags.items())],
            "ImportExistingResources": True,
        }
        try:
            made = self._cloudformation.create_change_set(**asked)
        except ClientError as fault:
            raise StackFailed(f"The template of {self.name} was refused.", [str(fault)]) from None
        return self._planned(made["Id"], creates=creates)

    def _planned(self, change_set: str, *, creates: bool) -> Plan:
        waiter = self._cloudformation.get_waiter("change_set_create_complete")
        try:
            waiter.wait(ChangeSetName=change_set, StackName=self.name, WaiterConfig=WAIT)
        except WaiterError as fault:
            reason = str(fault.last_response.get("StatusReason", fault))
            self._cloudformation.delete_change_set(ChangeSetName=change_set, StackName=self.name)
            if any(said in reason for said in _UNCHANGED):
                return Plan(change_set, creates=False)
            raise StackFailed(f"The change set of {self.name} was refused.", [reason]) from None
        return Plan(change_set, creates, [_change(one) for one in self._changes(change_set)])

    def _changes(self, change_set: str) -> list[dict[str, Any]]:
        pages = self._cloudformation.get_paginator("describe_change_set").paginate(
            ChangeSetName=change_set, StackName=self.name
        )
        return [change["ResourceChange"] for page in pages for change in page["Changes"] if "ResourceChange" in change]

    def carry_out(self, plan: Plan) -> None:
        """Execute a change set and wait; raises ``StackFailed`` with every reason when it is rolled back."""
        self._cloudformation.execute_change_set(ChangeSetName=plan.id, StackName=self.name)
        self._wait("stack_create_complete" if plan.creates else "stack_update_complete")

    def protect(self) -> None:
        """Let nobody delete the stack in passing. Safe to repeat."""
        self._cloudformation.update_termination_protection(StackName=self.name, EnableTerminationProtection=True)

    def drop(self, plan: Plan) -> None:
        """Forget a change set that nobody wants, and with it a stack that it would have made."""
        self._cloudformation.delete_change_set(ChangeSetName=plan.id, StackName=self.name)
        if plan.creates and self.find() is None:
            self._cloudformation.delete_stack(StackName=self.name)

    def delete(self) -> None:
        """Delete the stack and wait; its tables stay. Nothing to do when there is none."""
        if self.find() is None:
            return
        self._cloudformation.update_termination_protection(StackName=self.name, EnableTerminationProtection=False)
        self._delete()

    def _delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def _wait(self, until: str) -> None:
        try:
            self._cloudformation.get_waiter(until).wait(StackName=self.name, WaiterConfig=WAIT)
        except WaiterError:
            raise StackFailed(f"{self.name} did not reach {until}.", self._reasons()) from None

    def _reasons(self) -> list[str]:
        """Find why resources failed, oldest first: the first is the cause."""
        try:
            events = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        except ClientError as fault:
            return [str(fault)]
        failed = [one for one in events if str(one.get("ResourceStatus", "")).endswith("FAILED")]
        failed.reverse()
        return [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', 'no reason')}" for one in failed]


def _change(change: Mapping[str, Any]) -> tuple[str, str, str, bool]:
    replaced = change.get("Replacement") in {"True", "Conditional"}
    return change["Action"], change["LogicalResourceId"], change["ResourceType"], replaced


def as_text(template: Mapping[str, Any]) -> str:
    """Write a template the same way every time."""
    return json.dumps(template, indent=1, sort_keys=True)
