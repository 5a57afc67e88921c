"""Scripts that run inside the interpreter under examination, ours or the service's.

`python runbook_lib/workers/scripts` runs modules of this folder with the planned environment, as stdin asks for them.
A worker needs nothing but the standard library and the package it asks about, works with Python 3.9 and later, and
imports nothing of runbook_lib. So no process of ours ever imports huggingface_hub or docling, the variables they read
at import are always in place (quirk Q13), a hang has a hard end (Q22) and a native crash takes only the worker with it
(Q46).
"""
