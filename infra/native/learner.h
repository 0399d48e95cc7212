/* What the learner's sources share: buffers that are borrowed, values as numbers, texts as hashes. */
#ifndef LEARNER_H
#define LEARNER_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { HASHED = 256 };
static const uint64_t BASIS = 0xCBF29CE484222325u, PRIME = 0x100000001B3u;

/* of trees.c */
PyObject *row(PyObject *self, PyObject *const *given, Py_ssize_t count);
PyObject *climb(PyObject *self, PyObject *const *given, Py_ssize_t count);
PyObject *join(PyObject *self, PyObject *const *given, Py_ssize_t count);
PyObject *tally(PyObject *self, PyObject *const *given, Py_ssize_t count);
PyObject *split(PyObject *self, PyObject *const *given, Py_ssize_t count);

/* Buffers: `need` items of `size` bytes at least, or an error */

static int borrow(PyObject *of, Py_buffer *view, Py_ssize_t need, Py_ssize_t size, int flags) {
    if (PyObject_GetBuffer(of, view, flags) < 0) return -1;
    if (need >= 0 && view->len / size >= need) return 0;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "a buffer is too small");
    return -1;
}

static void give_back(Py_buffer *views, int count) {
    while (count > 0) PyBuffer_Release(&views[--count]);
}

static double number(PyObject *value) {
    double v = NAN;
    if (PyFloat_Check(value)) {
        v = PyFloat_AS_DOUBLE(value);
    } else if (value != Py_None && PyNumber_Check(value)) {
        PyObject *made = PyNumber_Float(value);
        if (made) {
            v = PyFloat_AS_DOUBLE(made);
            Py_DECREF(made);
        } else {
            PyErr_Clear();
        }
    }
    return isfinite(v) ? v + 0.0 : NAN;
}

static int hashed(PyObject *text, uint64_t *hash) {
    Py_ssize_t size;
    PyObject *made = NULL;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    if (!bytes) { /* lone surrogates */
        PyErr_Clear();
        made = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
        if (!made) return -1;
        bytes = PyBytes_AS_STRING(made);
        size = PyBytes_GET_SIZE(made);
    }
    uint64_t h = BASIS;
    for (Py_ssize_t i = 0; i < size && i < HASHED; i++) h = (h ^ (unsigned char)bytes[i]) * PRIME;
    *hash = h;
    Py_XDECREF(made);
    return 0;
}

#endif
