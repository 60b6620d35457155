"""What commands of infra refuse before they do anything."""

import pytest

from infra.__main__ import main


@pytest.mark.parametrize("stage", ["../../x", "My_Stage", "", "1st", "-a", "a-", "customer-acme1", "ä"])
@pytest.mark.parametrize("command", ["package", "deploy", "destroy", "export folder", "import folder", "verify"])
def test_a_stage_that_cannot_be_in_every_name_is_refused(
    stage: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), f"--stage={stage}"])
    assert ended.value.code == 2
    assert "a stage has 1 to 13 of a-z, 0-9 and -" in capsys.readouterr().err


@pytest.mark.parametrize("instant", ["2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "yesterday"])
def test_an_instant_that_is_none_is_refused(instant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--stage", "dev", "--from", instant])
    assert ended.value.code == 2
    assert instant in capsys.readouterr().err


def test_a_parameter_without_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["deploy", "--stage", "dev", "--parameter", "Alarms"])
    assert ended.value.code == 2
    assert "must be NAME=VALUE" in capsys.readouterr().err
