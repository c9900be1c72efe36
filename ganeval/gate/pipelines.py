"""The file that makes a CI service run the gate: one for each service that `ganeval init` knows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Service = Literal["github", "gitlab", "jenkins"]
PLACES: dict[Service, str] = {
    "github": ".github/workflows/ganeval.yml",
    "gitlab": ".gitlab-ci.yml",
    "jenkins": "Jenkinsfile",
}
_TEXTS: dict[Service, str] = {
    "github": """\
# The gate before every merge: red only on a difference that is larger than the noise. Written by `ganeval init`.
name: quality
on: pull_request
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.12", cache: pip}
      - run: pip install @install@
      - run: @command@ --github --junit gate.xml --markdown gate.md --json gate.json
      - if: always()
        uses: actions/upload-artifact@v4
        with: {name: gate, path: "gate.*"}
""",
    "gitlab": """\
# The gate before every merge: red only on a difference that is larger than the noise. Written by `ganeval init`.
gate:
  image: python:3.12
  script:
    - pip install @install@
    - @command@ --junit gate.xml --markdown gate.md --openmetrics metrics.txt
  artifacts:
    when: always
    paths: [gate.md]
    reports:
      junit: gate.xml
      metrics: metrics.txt
  allow_failure:
    exit_codes: [4]
""",
    "jenkins": """\
// The gate before every merge: red only on a difference that is larger than the noise. Written by `ganeval init`.
pipeline {
  agent { docker { image 'python:3.12' } }
  stages {
    stage('gate') {
      steps {
        sh 'python -m venv .gate'
        sh '.gate/bin/pip install @install@'
        sh '.gate/bin/@command@ --junit gate.xml --markdown gate.md --json gate.json'
      }
    }
  }
  post {
    always {
      junit 'gate.xml'
      archiveArtifacts artifacts: 'gate.*'
    }
  }
}
""",
}


def service_of(folder: Path) -> Service:
    """The service whose file lies in `folder`; GitHub where there is none."""
    if (folder / PLACES["gitlab"]).exists():
        return "gitlab"
    return "jenkins" if (folder / PLACES["jenkins"]).exists() else "github"


def render_pipeline(service: Service, *, judged: str, measures: bool) -> str:
    """The file's text. `judged`: the run or result that is named to the gate; `measures`: whether it needs torch.

    >>> "pip install ganeval\\n" in render_pipeline("gitlab", judged="result.json", measures=False)
    True
    """
    install = '. "ganeval[torch]"' if measures else "ganeval"
    return _TEXTS[service].replace("@install@", install).replace("@command@", f"ganeval gate {judged}".strip())
