"""Repositories after public reports, with what an expert would say about each; and their like put right."""

# ruff: noqa: E501 - files are written out as they would stand in a repository

from collections.abc import Callable, Mapping

import pytest

from runbook_lib.audit.report import AuditReport

Audit = Callable[[Mapping[str, str]], AuditReport]
Found = set[tuple[str, str, int]]

CONVERT = """import os
from pathlib import Path

from docling.datamodel.pipeline_options import PdfPipelineOptions

options = PdfPipelineOptions()
options.artifacts_path = Path(os.environ["DOCLING_SERVE_ARTIFACTS_PATH"]) / "docling-project--docling-layout-heron"
"""
CHART = """controllers:
  app:
    containers:
      app:
        image:
          repository: ghcr.io/docling-project/docling-serve
        env:
          UVICORN_WORKERS: 1
        securityContext:
          readOnlyRootFilesystem: true
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      containers:
        - name: api
          image: quay.io/docling-project/docling-serve
          env:
            - name: DOCLING_SERVE_ARTIFACTS_PATH
              value: /modelcache
            - {name: HF_HUB_OFFLINE, value: "1"}
            - {name: HF_HOME, value: /scratch/hf}
          volumeMounts:
            - {name: models, mountPath: /modelcache}
            - {name: scratch, mountPath: /scratch}
      volumes:
        - {name: models, emptyDir: {}}
        - {name: scratch, emptyDir: {}}
"""
INIT = """      initContainers:
        - name: fetch
          image: quay.io/docling-project/docling-serve
          command: [docling-tools, models, download, -o, /modelcache]
          volumeMounts:
            - {name: models, mountPath: /modelcache}
            - {name: scratch, mountPath: /scratch}
      containers:
"""

CASES: dict[str, tuple[Mapping[str, str], Found]] = {
    "a variable of docling-serve for the library, and one level too deep": (
        {
            "Dockerfile": "FROM python:3.11-slim\nENV DOCLING_SERVE_ARTIFACTS_PATH=/opt/models\n"
            'RUN pip install docling==2.60.0 && docling-tools models download -o "$DOCLING_SERVE_ARTIFACTS_PATH"\n',
            "convert.py": CONVERT,
        },
        {("variable-of-docling-serve", "Dockerfile", 2), ("artifacts-path-level", "convert.py", 7)},
    ),
    "models are fetched and nothing points to them; the wrong package": (
        {
            "Dockerfile": "FROM python:3.12-slim\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
            "RUN mkdir -p ~/.cache/docling/models/\nRUN docling-tools models download\n",
            "requirements.txt": "docling[rapidocr]==2.61.1\nrapidocr-onnxruntime==1.4.4\n",
        },
        {("prefetch-unused", "Dockerfile", 5), ("rapidocr-package", "requirements.txt", 2)},
    ),
    "models are fetched beside the folder that is named": (
        {
            "Dockerfile": "FROM a\nENV DOCLING_ARTIFACTS_PATH=/models/docling\nRUN pip install docling==2.60.0\n"
            "RUN docling-tools models download -o /models\n"
        },
        {("prefetch-unused", "Dockerfile", 4)},
    ),
    "a cache that the build's user made, run under a random user": (
        {
            "Dockerfile": "ARG BASE=registry.access.redhat.com/ubi9/python-312\nFROM ${BASE}\n"
            "RUN python -c \"from sentence_transformers import SentenceTransformer; SentenceTransformer('all-MiniLM')\"\n"
        },
        {("random-user", "Dockerfile", 3)},
    ),
    "locks replaced by nothing": (
        {
            "patch.py": "from contextlib import nullcontext\nfrom huggingface_hub import file_download\n\n"
            "file_download.FileLock = nullcontext\n"
        },
        {("locks-switched-off", "patch.py", 4)},
    ),
    "the folder of one model, by its old name": (
        {"x.py": 'from docling import x\n\nx.PdfPipelineOptions(artifacts_path="/srv/models/ds4sd--docling-models")\n'},
        {("artifacts-path-level", "x.py", 3), ("old-repository-name", "x.py", 3)},
    ),
    "the folder of one model, put together with join": (
        {
            "x.py": 'import os\nimport docling\n\nf(artifacts_path=os.path.join(base, "docling-project--docling-models"))\n'
        },
        {("artifacts-path-level", "x.py", 4)},
    ),
    "the cache of the Hub as artifacts": (
        {"start.sh": "export DOCLING_ARTIFACTS_PATH=/opt/app-root/src/.cache/huggingface/hub\n"},
        {("artifacts-path-level", "start.sh", 1)},
    ),
    "a read-only root": ({"values.yaml": CHART}, {("read-only-root", "values.yaml", 10)}),
    "arguments of the time before 1.0": (
        {
            "fetch.py": "from transformers import AutoTokenizer\nfrom huggingface_hub import snapshot_download\n\n"
            'AutoTokenizer.from_pretrained("org/model", revision="abc123", proxies=PROXIES)\n'
            'snapshot_download("a/b", revision="v1", proxies=PROXIES, local_dir_use_symlinks=False)\n',
            "requirements.txt": "huggingface_hub==1.3.0\ntransformers==5.2.0\n",
        },
        {("ignored-argument", "fetch.py", 4), ("ignored-argument", "fetch.py", 5)},
    ),
    "a cache of the build copied for another user": (
        {
            "Dockerfile": "FROM python:3.12-slim AS build\nRUN pip install docling==2.143.0\n"
            'RUN python -c "from docling.utils.model_downloader import download_models; download_models()"\n'
            "FROM python:3.12-slim\nENV DOCLING_ARTIFACTS_PATH=/opt/app-root/src/.cache/docling/models\n"
            "COPY --from=build /opt/build/.cache /opt/app-root/src/.cache\nRUN useradd -m app\nUSER app\n"
        },
        {("cache-copied-without-chown", "Dockerfile", 6)},
    ),
    "fetched as root, run as nobody": (
        {"Dockerfile": "FROM a\nRUN hf download org/model --revision v1\nUSER nobody\n"},
        {("fetched-by-root", "Dockerfile", 2)},
    ),
    "volumes that start empty": (
        {"deploy.yaml": DEPLOYMENT},
        {("empty-volume", "deploy.yaml", 15), ("empty-volume", "deploy.yaml", 16)},
    ),
    "an emptyDir over the models of the image": (
        {
            "pod.yaml": "spec:\n  containers:\n  - image: ghcr.io/docling-project/docling-serve:main\n    volumeMounts:\n"
            "    - name: cache\n      mountPath: /opt/app-root/src/.cache\n  volumes:\n  - name: cache\n    emptyDir: {}\n"
        },
        {("empty-volume", "pod.yaml", 5)},
    ),
    "a compose volume offline": (
        {
            "compose.yaml": "services:\n  app:\n    image: docling-app\n    environment:\n      - HF_HUB_OFFLINE=1\n"
            "      - HF_HOME=/cache\n    volumes:\n      - hf:/cache\nvolumes:\n  hf:\n"
        },
        {("empty-volume", "compose.yaml", 8)},
    ),
    "a start command that never starts": (
        {
            "run.yaml": "spec:\n  containers:\n  - args: [sh, -c, 'exec docling-tools models download x && exec docling-serve run']\n"
        },
        {("exec-then-more", "run.yaml", 3)},
    ),
    "pins that do not match, in a Dockerfile": (
        {"Dockerfile": "FROM a\nRUN pip install torch==2.9.1+cpu torchvision==0.23.0+cpu\n"},
        {("torch-pair", "Dockerfile", 2)},
    ),
    "a certificate switch that nobody reads": (
        {".env": "HF_HUB_DISABLE_SSL_VERIFY=1\n"},
        {("tls-unverified", ".env", 1)},
    ),
    "a token in a Kubernetes secret": (
        {"secret.yaml": "kind: Secret\ndata:\n  HF_TOKEN: aGZfYUIzZEU2Z0g5amFCM2RFNmdIOWphQjNkRTZnSDlqa0w1bQ==\n"},
        {("token-in-file", "secret.yaml", 3)},
    ),
    "an expert's code in a notebook cell, whose second line begins with a percent sign": (
        {
            "a.ipynb": '{"cells": [{"cell_type": "code", "source": ["import docling\\n", "x = (\'%d\'\\n", "% (3))\\n", '
            "\"snapshot_download('docling-project/docling-models', revision='v1', resume_download=True)\"]}]}"
        },
        {("resume-download", "a.ipynb", 1)},
    ),
    "a fence in a block quote": (
        {"README.md": "> ```sh\n> chmod -R 777 /models\n> ```\n"},
        {("world-writable", "README.md", 2)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_audit_says_what_an_expert_would(case: str, audit_tree: Audit) -> None:
    files, expected = CASES[case]
    assert {(one.rule_id, one.path, one.line) for one in audit_tree(files).findings} == expected


RIGHT: dict[str, Mapping[str, str]] = {
    "a user in the configuration of a database": {"config.yml": "database:\n  user: root\nmodels: docling\n"},
    "a user in a text inside YAML": {
        "ci.yml": "jobs:\n  docling:\n    description: |\n      user: root\n      chmod 777 /models\n"
    },
    "a shell line inside a string of a notebook": {
        "a.ipynb": '{"cells": [{"cell_type": "code", "source": ["s = \'\'\'docling\\n", "!chmod 777 /models\\n", "\'\'\'"]}]}'
    },
    "an indented block that shows a fence": {"a.md": "Text:\n\n    ```sh\n    chmod -R 777 /models\n    ```\n"},
    "docling pinned in pylock.toml": {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["docling"]\n',
        "pylock.toml": 'lock-version = "1.0"\ncreated-by = "uv"\n\n[[packages]]\nname = "docling"\nversion = "2.143.0"\n'
        '[[packages.wheels]]\nurl = "https://example.com/docling-2.143.0-py3-none-any.whl"\n'
        f'hashes = {{sha256 = "{"0" * 64}"}}\n',
    },
    "docling pinned by Poetry": {
        "pyproject.toml": '[tool.poetry.dependencies]\ndocling = {version = "^2.143", extras = ["vlm"]}\n'
    },
    "a cache handed over": {
        "Dockerfile": "FROM a AS build\nFROM a\nCOPY --from=build /opt/build/.cache /opt/app-root/src/.cache\n"
        "RUN chown -R app /opt/app-root/src/.cache\nUSER app\n"
    },
    "an image for OpenShift, opened for the group": {
        "Dockerfile": "FROM quay.io/sclorg/python-312-c9s\nRUN hf download a/b --revision v1 && chmod -R g=u ~/.cache\n"
    },
    "a base that points docling to its folder": {
        "Dockerfile": "FROM quay.io/docling-project/docling-serve\nRUN docling-tools models download smolvlm\n"
    },
    "volumes that an init container fills": {"deploy.yaml": DEPLOYMENT.replace("      containers:\n", INIT)},
    "a compose volume that another service fills": {
        "compose.yaml": "services:\n  fetch:\n    image: docling-app\n    command: hf download a/b --revision v1\n    volumes: [hf:/cache]\n"
        "  app:\n    image: docling-app\n    environment: {HF_HUB_OFFLINE: '1', HF_HOME: /cache}\n    volumes: [hf:/cache]\n"
    },
    "programs that are called exec, and a redirection": {
        "x.sh": "docker exec app true && echo up\nexec 3>log && echo x\nfind . -exec ls {} + && true\nexec uvicorn app\n"
    },
    "a pair that belongs together": {"requirements.txt": "torch==2.15.0\ntorchvision==0.29.2\n"},
    "other ways than the command hf": {"README.md": "Formerly `huggingface-cli` was the name.\n"},
    "Developer mode of a browser": {"README.md": "Open chrome://extensions, enable Developer mode, on Windows too.\n"},
    "a download of something else": {
        "x.py": "import docling\n\ntry:\n    connector.download(name)\nexcept Exception:\n    pass\n"
    },
    "a failure that the caller sees": {
        "x.py": "def f():\n    try:\n        return snapshot_download('a/b', revision='v1')\n    except Exception as e:\n"
        "        log.error(e)\n        return None\n"
    },
    "remote code of a commit": {
        "x.py": f'AutoModel.from_pretrained("a/b", trust_remote_code=True, revision="{"0a" * 20}")\n'
        "AutoModel.from_pretrained(path, trust_remote_code=True)\n"
    },
    "options that docling reads when they are made": {
        "x.py": "import os\nimport docling\n\nos.environ['DOCLING_DEVICE'] = 'cpu'\nos.environ['DOCLING_NUM_THREADS'] = '2'\n"
    },
    "an insecure call of the service itself": {"x.sh": "curl -k https://localhost:5001/v1/models\n"},
    "docling asked for by another part of a large repository": {
        "a/requirements.txt": "docling==2.143.0\n",
        "b/requirements.txt": "requests==2.32.0\n",
        "b/Dockerfile": "FROM x\nRUN pip install -r requirements.txt\nCMD python main.py\n",
    },
    "an image in which somebody works": {
        "Dockerfile": 'FROM x\nRUN pip install docling==2.143.0\nENTRYPOINT ["/bin/bash"]\n'
    },
    "an argument of docling 1": {
        "requirements.txt": "docling<2,>=1.20\n",
        "x.py": "from docling.document_converter import DocumentConverter\n\nDocumentConverter(artifacts_path='/m')\n",
    },
    "other people's code": {"third_party/x.py": "snapshot_download('a/b')\n", "y.py": "import docling\n"},
    "a name that is asked for first": {
        "x.py": "try:\n    from huggingface_hub import cached_download\nexcept ImportError:\n    cached_download = None\n"
    },
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_only_looks_like_the_fault_is_left_alone(case: str, audit_tree: Audit) -> None:
    report = audit_tree(RIGHT[case])
    assert [(one.rule_id, one.path, one.line, one.message) for one in report.findings] == []
