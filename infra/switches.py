"""Parameters of the template that are ``on`` or ``off``."""

from typing import Any

__all__ = ["is_on", "switch"]


def switch(says: str) -> dict[str, Any]:
    """Define a parameter that is on unless somebody turns it off."""
    return {"Type": "String", "Default": "on", "AllowedValues": ["on", "off"], "Description": says}


def is_on(parameter: str) -> dict[str, Any]:
    """Write the condition that a parameter is on."""
    return {"Fn::Equals": [{"Ref": parameter}, "on"]}
