#pragma once

// numpy's C API, imported once by module.cpp; built against numpy 2, it runs with 1.26 too.
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL coinfer_array_api
#ifndef COINFER_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
