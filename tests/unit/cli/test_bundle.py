"""`runbook bundle` as people call it: out of one cache, onto another machine, with exit codes a script can use."""

import json
from pathlib import Path

import pytest

from runbook_lib.cache.layout import CachedRepo
from runbook_lib.errors import ExitCode
from tests.command_line import Ended
from tests.unit.stages.verify.real_caches import REPO_ID, Install, Installed

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.fixture
def installed(install: Install) -> Installed:
    return install("copy")


def source_words(installed: Installed) -> list[str]:
    places = {"cache_dir": installed.run.cache_dir, "artifacts_dir": installed.run.artifacts_dir}
    words = [word for name, path in places.items() for word in ("-p", name, str(path))]
    return [*words, "-p", "hub", installed.hub.url, "-p", "models", REPO_ID]


def there() -> list[str]:
    return ["--practice", "-p", "cache_dir", str(Path("there", "hub")), "-p", "artifacts_dir", str(Path("there", "a"))]


def test_models_go_out_of_one_cache_and_into_another(ended: Ended, installed: Installed) -> None:
    code, out, err = ended("bundle", "export", "models.tar", *source_words(installed), "--json")
    assert code == ExitCode.OK, err
    assert json.loads(out)["models"] == [f"{REPO_ID}@main"]
    assert "practice" in err
    assert ended("bundle", "show", "models.tar", "--verify")[0] == ExitCode.OK
    assert ended("bundle", "diff", "models.tar", *there())[0] == ExitCode.FAILED
    places = ["--practice", "--cache", "there/hub", "--artifacts", "there/a", "--papers", "papers"]
    code, out, err = ended("bundle", "import", "models.tar", *places)
    assert code == ExitCode.OK, err
    assert out.count("Practice") == 1
    assert ended("bundle", "diff", "models.tar", *there())[0] == ExitCode.OK
    assert CachedRepo(Path("there", "hub"), REPO_ID).commit_of("main") == installed.listing.commit
    lock = ["--lock", "papers/runbook.lock.json", "-p", "models", REPO_ID]
    assert ended("verify", *there(), *lock)[0] == ExitCode.OK


def test_a_bundle_that_is_refused_is_one_json_document(ended: Ended) -> None:
    Path("no.tar").write_bytes(b"nothing of that kind")
    code, out, err = ended("bundle", "import", "no.tar", *there(), "--json")
    assert code == ExitCode.FAILED
    error = json.loads(out)["error"]
    assert error["id"] == "bundle"
    assert "what to do" in err
    assert not Path("there").exists()


@pytest.mark.parametrize("size", ["0", "10", "4 apples", "-5M", "1e9"])
def test_a_size_that_is_none_is_a_usage_error(ended: Ended, size: str) -> None:
    code, _out, err = ended("bundle", "export", "x.tar", "--split", size)
    assert code == ExitCode.USAGE
    assert "650M" in err


@pytest.mark.parametrize("name", ["export", "import", "show", "diff"])
def test_every_command_of_the_group_explains_itself_and_takes_v(ended: Ended, name: str) -> None:
    code, out, _err = ended("bundle", name, "--help")
    assert code == 0
    assert "--verbose" in out
    assert "--json" in out


def test_a_certificate_without_its_key_is_a_usage_error(ended: Ended) -> None:
    code, _out, err = ended("bundle", "export", "x", "--certificate", "desk.pem")
    assert code == ExitCode.USAGE
    assert "--sign KEY" in err
