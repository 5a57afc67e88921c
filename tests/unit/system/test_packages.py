"""What is installed is read from metadata, also where a removal was interrupted."""

import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import sys
from pathlib import Path
{imported}
from runbook_lib.system.packages import SitePackages
site = SitePackages(executable="python", python="3.11", prefix=Path(sys.argv[1]), folders=(sys.argv[1],))
print(site.version_text("rapidocr"), list(site.requirements("rapidocr", "numpy")))
"""


@pytest.mark.parametrize("imported", ["", "import importlib_metadata"])
def test_a_package_whose_metadata_is_gone_is_not_installed_whoever_reads_metadata(
    imported: str, tmp_path: Path
) -> None:
    """The backport takes the place of the standard library's finder as soon as anything imports it."""
    if imported:
        pytest.importorskip("importlib_metadata")
    (tmp_path / "rapidocr-3.10.0.dist-info").mkdir()
    command = [sys.executable, "-c", ASK.format(imported=imported), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "None []\n"
