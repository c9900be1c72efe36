"""A study whose page needs no training, run as one types it; what is lighter is in
`tests/architecture/test_studies.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.__main__ import main


def test_a_study_of_a_command_writes_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["zoo", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'zoo.md'}\n"
