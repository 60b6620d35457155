"""What every test stands on: an environment without AWS and without a network, and generated tests that repeat."""

import os

os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "METERFOLD_STAGE": "test",
        "METERFOLD_SIGNING_SECRET": "a signing secret of the tests, of enough length",
        "METERFOLD_PUBLIC_URL": "https://billing.example.com",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "meterfold",
        "POWERTOOLS_METRICS_NAMESPACE": "meterfold",
        "AWS_XRAY_SDK_ENABLED": "false",
    }
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
    os.environ.pop(name, None)

from hypothesis import HealthCheck, settings

settings.register_profile(
    "meterfold", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("meterfold")
