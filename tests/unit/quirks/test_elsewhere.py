"""Where another program failed in the way of a quirk, nothing is told that holds for the quirk's packages alone."""

import pytest

from runbook_lib.quirks.diagnosis import Finding, diagnose

NEW_ITEM = r"""
New-Item: Administrator privilege required for this operation.
At C:\app\link.ps1:3 char:1
+ New-Item -ItemType SymbolicLink -Path C:\models -Target D:\hub
    + FullyQualifiedErrorId : NewItemSymbolicLinkElevationRequired,Microsoft.PowerShell.Commands.NewItemCommand
"""
MKLINK = r"""
C:\> mklink /D C:\models D:\hub
You do not have sufficient privilege to perform this operation.
"""
MKLINK_GERMAN = r"""
C:\> mklink /D C:\models D:\hub
Sie verfügen nicht über ausreichende Rechte, um diesen Vorgang auszuführen.
"""
GIT = r"""
PS C:\src> git clone https://git.example.org/models.git
Cloning into 'models'...
error: unable to create symlink docs/latest: Permission denied
fatal: unable to checkout working tree
"""
OWN_CODE = r"""
Traceback (most recent call last):
  File "C:\app\link.py", line 4, in <module>
    os.symlink(r"D:\hub\models--x--y\snapshots\fc0f", r"C:\models")
OSError: [WinError 1314] A required privilege is not held by the client: 'D:\\hub\\models--x--y' -> 'C:\\models'
"""
PATHLIB = r"""
Traceback (most recent call last):
  File "C:\app\link.py", line 4, in <module>
    Path("C:/models").symlink_to("D:/hub")
  File "C:\Python312\Lib\pathlib.py", line 1386, in symlink_to
    os.symlink(target, self, target_is_directory)
OSError: [WinError 1314] Dem Client fehlt ein erforderliches Recht: 'D:/hub' -> 'C:/models'
"""
SHUTIL = r"""
  File "C:\Python312\Lib\shutil.py", line 600, in copytree
    return _copytree(entries=entries, src=src, dst=dst, symlinks=symlinks,
shutil.Error: [('D:/a', 'C:/a', "[WinError 1314] A required privilege is not held by the client: '../b' -> 'C:/a'")]
"""
IPYTHON = r"""
OSError                                   Traceback (most recent call last)
Cell In[3], line 2
      1 import os
----> 2 os.symlink(r"D:\hub", r"C:\models")

OSError: [WinError 1314] A required privilege is not held by the client: 'D:\\hub' -> 'C:\\models'
"""
NPM = r"""
npm error code EPERM
npm error Error: EPERM: operation not permitted, symlink 'C:\app\packages\a' -> 'C:\app\node_modules\a'
"""
SEVEN_ZIP = r"ERROR: Cannot create symbolic link : A required privilege is not held by the client. : C:\cache\a.dylib"

OF_OTHERS = {
    "PowerShell": NEW_ITEM,
    "mklink": MKLINK,
    "mklink in German": MKLINK_GERMAN,
    "git": GIT,
    "own code": OWN_CODE,
    "pathlib": PATHLIB,
    "shutil": SHUTIL,
    "IPython": IPYTHON,
    "npm": NPM,
    "7-Zip": SEVEN_ZIP,
}
OF_THE_HUB = r"""
Traceback (most recent call last):
  File "C:\app\convert.py", line 9, in <module>
    snapshot_download("docling-project/docling-models")
  File "C:\app\.venv\Lib\site-packages\huggingface_hub\file_download.py", line 623, in _create_symlink
    os.symlink(src_rel_or_abs, abs_dst)
OSError: [WinError 1314] A required privilege is not held by the client: '..\\..\\blobs\\4f1a' -> 'C:\\hub\\config.json'
"""


def only_finding(text: str) -> Finding:
    (finding,) = diagnose(text, installed={"huggingface_hub": "1.32.0"}, platform="windows").findings
    return finding


@pytest.mark.parametrize("text", OF_OTHERS.values(), ids=OF_OTHERS)
def test_a_symlink_refused_to_another_program_is_no_matter_of_the_hub_clients_version(text: str) -> None:
    finding = only_finding(text)
    assert finding.quirk.id == "quirk-001"
    assert "SeCreateSymbolicLinkPrivilege" in finding.cause
    assert "hard link" in finding.remedy
    assert "junction" in finding.remedy
    assert finding.versions == ""
    assert finding.references == ()
    assert "huggingface_hub" not in f"{finding.cause} {finding.remedy} {finding.dont}"
    assert not finding.quirk.fixed_by
    assert "HF_HUB" not in str(finding.table())


def test_a_symlink_refused_to_the_hub_client_is_told_with_its_versions() -> None:
    finding = only_finding(OF_THE_HUB)
    assert finding.quirk.id == "quirk-001"
    assert "1.33.0" in finding.remedy
    assert "huggingface_hub 1.32.0" in finding.versions
    assert finding.references


def test_the_catalogue_itself_keeps_what_is_true_of_the_package() -> None:
    quirk = only_finding(OF_OTHERS["mklink"]).quirk
    assert quirk.packages == ()
    assert only_finding(OF_THE_HUB).quirk.packages
