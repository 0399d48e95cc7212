/* What Python sees: `Coder(plan, unknown)`, its `read` and its `write`. */
#include "avro_plan.h"
#include "avro_read.h"
#include "avro_write.h"

static PyObject *coder_read(Coder *self, PyObject *const *given, Py_ssize_t count) {
    if (count != 2 || !PyBytes_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "read(bytes, start)"), NULL;
    Py_ssize_t start = PyLong_AsSsize_t(given[1]), size = PyBytes_GET_SIZE(given[0]);
    if (start == -1 && PyErr_Occurred()) return NULL;
    if (start < 0 || start > size) return short_of_bytes();
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(given[0]);
    struct bytes b = {bytes + start, bytes + size, self};
    PyObject *record = read_value(&b, &self->root);
    return record ? Py_BuildValue("(Nn)", record, (Py_ssize_t)(b.at - bytes)) : NULL;
}

static PyObject *coder_write(Coder *self, PyObject *const *given, Py_ssize_t count) {
    if (count != 2 || !PyBytes_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "write(head, record)"), NULL;
    if (Py_TYPE(given[1]) != (PyTypeObject *)self->root.kept)
        return PyErr_SetString(PyExc_TypeError, "not a record of this coder's"), NULL;
    struct out out = {.bytes = out.first, .size = 0, .room = ROOM};
    PyObject *made = NULL;
    char *head = room_for(&out, (size_t)PyBytes_GET_SIZE(given[0]));
    if (head) {
        memcpy(head, PyBytes_AS_STRING(given[0]), (size_t)PyBytes_GET_SIZE(given[0]));
        if (write_value(&out, &self->root, given[1]) == 0)
            made = PyBytes_FromStringAndSize(out.bytes, (Py_ssize_t)out.size);
    }
    if (out.bytes != out.first) PyMem_Free(out.bytes);
    return made;
}

static PyObject *coder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *plan, *unknown;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &plan, &unknown)) return NULL;
    Coder *self = (Coder *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->plan = Py_NewRef(plan);
    self->unknown = Py_NewRef(unknown);
    int grown = grow(&self->root, plan, 0);
    if (grown == 0 && self->root.kind == RECORD) return (PyObject *)self;
    if (grown == 0) PyErr_SetString(PyExc_TypeError, "not a record's plan");
    Py_DECREF(self);
    return NULL;
}

static void coder_free(Coder *self) {
    PyTypeObject *type = Py_TYPE(self);
    drop(&self->root);
    Py_XDECREF(self->plan);
    Py_XDECREF(self->unknown);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))coder_read, METH_FASTCALL, "The record that begins there, and where it ends."},
    {"write", (PyCFunction)(void (*)(void))coder_write, METH_FASTCALL, "The head, then the record's Avro."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {{Py_tp_new, coder_new}, {Py_tp_dealloc, coder_free}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {"schemas._avro.Coder", sizeof(Coder), 0, Py_TPFLAGS_DEFAULT, slots};

static int fill(PyObject *module) {
    PyObject *type = PyType_FromSpec(&spec);
    return type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
}

static PyModuleDef_Slot phases[] = {{Py_mod_exec, fill}, {0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_avro", "Avro to records and back.", 0, NULL, phases, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro(void) { return PyModuleDef_Init(&module); }
