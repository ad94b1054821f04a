from pathlib import Path

import pytest

from tasks.stage import load_stage
from trapgen.core import ParameterError


@pytest.mark.parametrize("name", ["corpus", "audit", "train"])
def test_a_stage_carries_its_name_version_and_body(name: str) -> None:
    stage = load_stage(name)
    assert stage.name == name
    assert stage.version
    assert stage.run.__annotations__["root"] in (Path, "Path")


@pytest.mark.parametrize("name", ["mastering", "stage", "os.path", "../corpus", ""])
def test_a_name_of_no_stage_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=r"stage must be the name of a module") as caught:
        load_stage(name)
    assert caught.value.received == name
