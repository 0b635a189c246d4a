"""The surroundings of a job: the one place where they are made known, before anything that reads them is imported.

What could change a number, a bit of an artifact or a picture at a given address is cleared; what a user may rightly
choose is let through.  A Python session that imports this package keeps its own: only the command line settles.
"""

import os
import sys
from collections.abc import Mapping

# by what a name begins with: settings of Python, of numerical libraries, of HDF5 and of matplotlib
CLEARED = (
    *("JAX_", "JAXLIB_", "XLA_", "LIBTPU_", "PJRT_", "TF_XLA_", "TF_ENABLE_", "TF_CUDNN_"),
    *("TPU_", "EIGEN_", "MLIR_", "LLVM_"),
    *("SCIPY_", "NPY_", "NUMPY_", "NUMEXPR_", "NUMBA_", "PANDAS_", "SKLEARN_", "SEABORN_", "HDF5_", "H5PY_"),
    *("OMP_", "GOMP_", "KMP_", "LIBOMP_", "MKL_", "OPENBLAS_", "GOTO_", "GOTOBLAS_", "BLIS_", "BLAS_", "ATLAS_"),
    *("FLEXIBLAS_", "VECLIB_", "ONEDNN_", "DNNL_", "CUBLAS", "CUDNN_", "CUSOLVER", "NVIDIA_TF32"),
    *("MPL", "MATPLOTLIB", "PYTHON", "GLIBC_TUNABLES"),
)  # fmt: skip
# by library; `threads.hold` sets them all by --threads
THREADS = (
    *("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
# which device and how much of it, where caches lie, file locks; of Python, what finds packages and what only prints
LET_THROUGH = {
    *THREADS,
    *("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES"),
    *("XLA_PYTHON_CLIENT_PREALLOCATE", "XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_ALLOCATOR"),
    *("MPLCONFIGDIR", "MPL_IGNORE_SYSTEM_FONTS", "HDF5_USE_FILE_LOCKING", "NUMBA_CACHE_DIR"),
    *("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
    *("PYTHONSAFEPATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER"),
    *("PYTHONHASHSEED", "PYTHONCOERCECLOCALE", "PYTHONUTF8"),
}
FIXED = {
    "MPL_IGNORE_SYSTEM_FONTS": "1",  # text looks the same wherever it is drawn: matplotlib brings its fonts
    "JAX_ENABLE_X64": "1",  # every dtype here is explicit
}
ANEW = "TRAINING_JACOBIAN_STARTED_ANEW"  # the id of a process that has been started anew


def cleared(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a job must not see."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(CLEARED) or name in LET_THROUGH or FIXED.get(name) == value
    }


def settle() -> None:
    """Make this process's environment that of a job.  Call it before anything but the standard library is imported.

    Where something is to be cleared the process starts anew, under the same process id: Python and the C library have
    read theirs already, and so may what `sitecustomize` imports.  It does so once: what `sitecustomize` itself sets at
    every start is cleared in place.
    """
    anew = os.environ.pop(ANEW, None) == str(os.getpid())
    wanted = cleared(os.environ)
    if encoding_differs():
        wanted["PYTHONUTF8"] = "1"
    if wanted != dict(os.environ):
        if not anew:
            wanted[ANEW] = str(os.getpid())
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606 (no shell is wanted)
        os.environ.clear()
        os.environ.update(wanted)
    os.environ.update(FIXED)


def encoding_differs() -> bool:
    """Whether Python took an encoding other than UTF-8 from the locale."""
    return not sys.flags.utf8_mode and sys.getfilesystemencoding().lower().replace("-", "") != "utf8"
