"""Controls for JupyterLab: views of library functions, with no logic of their own.

Where no front end draws widgets (papermill, nbconvert, nbval) each view shows the plain report of the same value.
"""
