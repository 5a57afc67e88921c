"""The breakage drills."""

from typing import Final

from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.errors import SettingsError
from runbook_lib.practice.drills import machines
from runbook_lib.practice.drills.drill import Drill
from runbook_lib.practice.faults import Fault

_WEIGHTS: Final = "*/lfs/*.safetensors"

DRILLS: Final = (
    Drill(
        name="no-symlinks",
        title="Symlinks are demanded on a machine that refuses them",
        seen="a SettingsError that names the refused symlink, as WinError 1314 or its Linux counterpart",
        played="Real on a Windows without the privilege. On Linux the kernel itself refuses symlink(2) to the run's "
        "processes (seccomp, errno 22, to which Windows maps WinError 1314). Elsewhere it cannot be played.",
        stage="configure_env",
        fixed="-p links auto: hard links need no privilege",
        parameters=(("links", "symlink"),),
        deny=machines.no_symlinks,
    ),
    Drill(
        name="corrupt",
        title="A proxy changes a byte of the weights",
        seen="the download ends well; verify finds weights of the right size with a wrong hash",
        played="The hub really sends one wrong byte in each weights file, as long as nothing has been downloaded.",
        stage="verify",
        fixed="runbook repair: it moves the file aside and fetches it again",
        faults=(Fault("corrupt", _WEIGHTS, after_bytes=500_000),),
        cold_only=True,
    ),
    Drill(
        name="truncated",
        title="Bodies arrive a byte short",
        seen="the download fails with huggingface_hub's consistency check",
        played="The hub really sends one byte less than its metadata promise, in a well-formed answer, each time it is "
        "asked by the first process that downloads.",
        stage="download",
        fixed="running again: what arrived whole is kept",
        faults=(Fault("wrong_length", _WEIGHTS),),
        cold_only=True,
    ),
    Drill(
        name="stalled-hub",
        title="The Hub accepts every question and never answers",
        seen="detect warns after its time limit; in download the question times out",
        played="The hub really never answers. The cache has been filled before, as by yesterday's run.",
        stage="download",
        fixed="-p offline true: everything that is needed is in the cache",
        parameters=(("probe_limit_s", "2"),),
        faults=(Fault("stall"),),
        fills_cache=True,
    ),
    Drill(
        name="full-disk",
        title="The models do not fit on the volume of the cache",
        seen="a plan that does not fit, before anything is fetched",
        played="A simulation: the hub announces weights of twice the free space, with a made-up hash; nothing of them "
        "is sent, and no disk is filled. Any other folder stands for another volume: for it the true sizes hold.",
        stage="download",
        fixed="-p cache_dir PATH: another volume",
        takes_places=True,
        answers=machines.another_volume,
        repositories=machines.larger_than_the_disk,
    ),
    Drill(
        name="block-page",
        title="A proxy answers every question with a page of its own",
        seen="detect says that something answers in place of the Hub",
        played="The hub really answers HTTP 200 with an HTML page. The mirror is played by runbook hub.",
        stage="detect",
        fixed="-p hub URL: a mirror; runbook hub serves one",
        faults=(Fault("block_page"),),
        answers=machines.a_mirror,
        beside=("runbook", "hub", "--port", str(machines.MIRROR_PORT)),
    ),
    Drill(
        name="old-artifacts",
        title="An offline machine with the artifacts of an older docling",
        seen="detect warns of a ds4sd-- folder and fails: offline, nothing is there that could be placed",
        played="The folder has the old name and the small files of the practice table model; its weights are left out.",
        stage="detect",
        fixed="-p offline false: download once with a network",
        parameters=(("offline", "true"),),
        lay_out=machines.old_artifacts,
    ),
    Drill(
        name="lost-listings",
        title="An offline machine whose cache came without its lists of files",
        seen="offline, download names the list that is missing, although every file of the model is there",
        played="The cache was filled and its trees/ folders taken out, as a copy without them leaves it. The lock file "
        "of the machine it came from lies in the drill's folder.",
        stage="download",
        fixed="-p lock_file with the path of the lock file, which stands in for the list, and writes it",
        parameters=(("offline", "true"),),
        fills_cache=True,
        loses=machines.lost_listings,
        answers=machines.lock_file_of_the_source,
    ),
    Drill(
        name="stale-token",
        title="A token from long ago turns public models into unauthorized ones",
        seen="detect warns of the token; download fails with HTTP 401",
        played="The practice hub really refuses the token, which lies in the drill's own token file: HF_TOKEN_PATH "
        "leads there for the run's processes. The token of this user is neither read nor sent.",
        stage="download",
        fixed="removing the token file, or HF_HUB_DISABLE_IMPLICIT_TOKEN=1",
        lay_out=machines.stale_token_file,
        variables=machines.saved_token,
    ),
)


def drill_named(name: str) -> Drill:
    """Return a drill.

    Raises:
        SettingsError: There is none of that name.
    """
    drill = next((drill for drill in DRILLS if drill.name == name), None)
    if drill is None:
        known = ", ".join(drill.name for drill in DRILLS)
        raise SettingsError(f"There is no drill {mask_url_credentials(repr(name))}.", remedy=f"Use one of: {known}.")
    return drill
