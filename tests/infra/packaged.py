"""The template that ``chalice package`` writes for the app, without the zip, which takes time and pip."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chalice.cli.factory import CLIFactory
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.package import create_app_packager

ROOT = Path(__file__).parents[2]
ZIP = "./deployment.zip"


@cache
def _written() -> str:
    factory = CLIFactory(str(ROOT))
    config = factory.create_config_obj("dev")
    packager = create_app_packager(config, factory.create_package_options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LambdaDeploymentPackager, "create_deployment_package", lambda *_: ZIP)
        resources = packager._resource_builder.construct_resources(config, "dev")
    return json.dumps(packager._templater.generate(resources))


def chalice_template() -> dict[str, Any]:
    """Give chalice's template, anew each time."""
    template: dict[str, Any] = json.loads(_written())
    return template
