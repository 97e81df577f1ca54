"""Print the folder whose include/ and lib/ hold the oneDNN of the package onednn-devel-cpu-tbb.

It is the environment's own folder, or that of pip's isolated build.
"""

from importlib.metadata import distribution
from os.path import dirname, normpath

files = distribution("onednn-devel-cpu-tbb").files or []
header = next(file for file in files if file.parts[-2:] == ("include", "dnnl.hpp"))
print(dirname(dirname(normpath(str(header.locate())))))
